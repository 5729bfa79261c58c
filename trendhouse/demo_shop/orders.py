"""Orders: baskets and fake purchases get a clock, prices, payment, delivery and what became of them."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from trendhouse.demo_shop.baskets import Baskets
from trendhouse.demo_shop.brushing import Rings
from trendhouse.demo_shop.catalogue import LEAVES, Products
from trendhouse.demo_shop.columns import Bools, Floats, Ints, decimals, ids, labels, numbers, text_table, timestamps
from trendhouse.demo_shop.customers import CHANNELS, PAYMENTS, Customers, addresses, customer_ids, devices, ip_addresses
from trendhouse.demo_shop.demand import Expected
from trendhouse.demo_shop.marketing import COUPON_RATE, Mailing, coupon_codes
from trendhouse.demo_shop.seasons import DAY_SECONDS, END_SECONDS, START_SECONDS
from trendhouse.demo_shop.weather import REGIONS

STATUSES = ("paid", "shipped", "delivered", "returned", "cancelled", "fraud")
PAID, SHIPPED, DELIVERED, RETURNED, CANCELLED, FRAUD = range(6)
_PAY_LATER = PAYMENTS.index("pay_later")
_HOUR_WEIGHT = np.array([0, 0, 0, 0, 0, 1, 2, 4, 5, 6, 7, 7, 8, 7, 6, 6, 6, 7, 8, 10, 12, 11, 8, 4], dtype=np.float64)


@dataclass(frozen=True)
class Orders:
    """Orders sorted by time, and their lines sorted by order; times not (yet) known are -1.

    `fake` is the position in `Rings`, -1 for genuine orders; lines point to their order by position.
    """

    number: Ints
    customer: Ints
    is_guest: Bools
    fake: Ints
    seconds: Ints
    channel: Ints
    region: Ints
    payment: Ints
    device: Ints
    ip: Ints
    address: Ints
    address_region: Ints
    coupon: Ints
    status: Ints
    paid: Ints
    delivered: Ints
    net_cents: Ints
    is_night: Bools
    line_number: Ints
    line_order: Ints
    line_product: Ints
    line_quantity: Ints
    line_unit_cents: Ints
    line_discount_cents: Ints
    line_returned: Ints

    @property
    def count(self) -> int:
        """Number of orders."""
        return len(self.number)

    def day(self) -> Ints:
        """Return the day of each order."""
        return np.asarray((self.seconds - START_SECONDS) // DAY_SECONDS)

    def table(self) -> Any:
        """Return rows of the raw table `orders`."""
        return text_table(
            {
                "order_id": ids("O", self.number, 6),
                "customer_id": customer_ids(self.customer, valid=~self.is_guest),
                "ordered_at": timestamps(self.seconds),
                "status": labels(self.status, STATUSES),
                "channel": labels(self.channel, CHANNELS),
                "region": labels(self.region, REGIONS),
                "payment_method": labels(self.payment, PAYMENTS),
                "device_id": devices(self.device),
                "ip_address": ip_addresses(self.ip),
                "ship_address": addresses(self.address, self.address_region),
                "coupon_code": coupon_codes(self.coupon, valid=self.coupon > 0),
                "paid_at": timestamps(self.paid, valid=self.paid >= 0),
                "delivered_at": timestamps(self.delivered, valid=self.delivered >= 0),
            }
        )

    def item_table(self) -> Any:
        """Return rows of the raw table `order_items`."""
        return text_table(
            {
                "order_item_id": ids("I", self.line_number, 6),
                "order_id": ids("O", self.number[self.line_order], 6),
                "product_id": ids("P", self.line_product + 1, 5),
                "quantity": numbers(self.line_quantity),
                "unit_price": decimals(self.line_unit_cents, 2),
                "discount_amount": decimals(self.line_discount_cents, 2, valid=self.line_discount_cents > 0),
                "returned_quantity": numbers(self.line_returned, valid=self.line_returned > 0),
            }
        )


class OrderDesk:
    """Places the orders of one span of days after another and numbers them through."""

    def __init__(self, customers: Customers, products: Products, rings: Rings, mailing: Mailing) -> None:
        """Start with no order placed."""
        self._people = customers
        self._products = products
        self._rings = rings
        self._fake_customer = np.flatnonzero(customers.is_fake)
        self._mailing = mailing
        self._orders = 0
        self._lines = 0

    def place(self, rng: np.random.Generator, days: Ints, baskets: Baskets, expected: Expected) -> Orders:
        """Return the span's orders, genuine and fake, in order of time."""
        people, rings = self._people, self._rings
        fake = rings.within(days)
        genuine = len(baskets.customer)
        total = genuine + len(fake)
        customer = np.concatenate([baskets.customer, self._fake_customer[rings.buyer[fake]]])
        is_night = np.concatenate(
            [rng.random(genuine) < people.night[baskets.customer], np.zeros(len(fake), dtype=bool)]
        )
        seconds = np.concatenate([_clock(rng, baskets.day, is_night[:genuine]), rings.seconds[fake]])
        fake_of = np.concatenate([np.full(genuine, -1), fake])
        line_order = np.concatenate([baskets.line_basket, genuine + np.arange(len(fake))])
        product = np.concatenate([baskets.line_product, rings.product[fake]])
        quantity = np.concatenate([baskets.line_quantity, rings.quantity[fake]])

        by_time = np.argsort(seconds, kind="stable")
        rank = np.argsort(by_time, kind="stable")
        customer, is_night, seconds, fake_of = (x[by_time] for x in (customer, is_night, seconds, fake_of))
        line_order = rank[line_order]
        by_order = np.lexsort((product, line_order))
        line_order, product, quantity = line_order[by_order], product[by_order], quantity[by_order]

        number = self._orders + np.arange(total) + 1
        is_guest = (rng.random(total) < 0.03) & (fake_of < 0)
        coupon = self._use_coupons(rng, number, customer, is_guest, seconds)
        row = (seconds[line_order] - START_SECONDS) // DAY_SECONDS - days[0]
        unit_cents = expected.shelf_cents[row, product]
        gross = unit_cents * quantity
        promotion = np.rint(gross * expected.discount[row, product]).astype(np.int64)
        discount = promotion + np.rint((gross - promotion) * COUPON_RATE * (coupon[line_order] > 0)).astype(np.int64)
        net = np.bincount(line_order, weights=gross - discount, minlength=total).astype(np.int64)

        status = self._outcome(rng, fake_of, net)
        stolen = status == FRAUD
        channel = (rng.random(total) < people.app_share[customer]).astype(np.int64)
        payment = people.payment[customer].copy()
        later = (rng.random(total) < people.pay_later[customer]) & (net >= 2500) & ~is_guest & (fake_of < 0)
        payment[later] = _PAY_LATER
        payment[stolen] = PAYMENTS.index("card")
        address, address_region = self._where_to(rng, customer, fake_of, stolen)
        paid, delivered = _milestones(rng, seconds, status, fake_of >= 0)
        status = np.where((status == DELIVERED) & (delivered < 0), SHIPPED, status)
        status = np.where((status == SHIPPED) & (paid < 0), PAID, status)
        chance = np.array([leaf.returns for leaf in LEAVES])[self._products.leaf[product]]
        chance = np.clip(chance * people.return_love[customer][line_order], 0, 0.7)
        returned = np.where(delivered[line_order] >= 0, rng.binomial(quantity, chance), 0)
        everything = np.bincount(line_order, weights=quantity - returned, minlength=total) == 0
        status = np.where((status == DELIVERED) & everything, RETURNED, status)

        orders = Orders(
            number=number,
            customer=customer,
            is_guest=is_guest,
            fake=fake_of,
            seconds=seconds,
            channel=channel,
            region=people.region[customer],
            payment=payment,
            device=self._device(rng, customer, channel, fake_of, stolen),
            ip=self._network(rng, customer, channel, fake_of),
            address=address,
            address_region=address_region,
            coupon=coupon,
            status=status,
            paid=paid,
            delivered=delivered,
            net_cents=net,
            is_night=is_night,
            line_number=self._lines + np.arange(len(product)) + 1,
            line_order=line_order,
            line_product=product,
            line_quantity=quantity,
            line_unit_cents=unit_cents,
            line_discount_cents=discount,
            line_returned=returned,
        )
        self._orders += total
        self._lines += len(product)
        return orders

    def _use_coupons(
        self, rng: np.random.Generator, number: Ints, customer: Ints, is_guest: Bools, seconds: Ints
    ) -> Ints:
        """Redeem open coupons on a customer's first order, more often where coupons are loved."""
        day = (seconds - START_SECONDS) // DAY_SECONDS
        open_coupon = self._mailing.open_coupons(np.where(is_guest, -1, customer), day)
        wanted = np.flatnonzero(
            (open_coupon > 0) & (rng.random(len(number)) < 0.25 + 0.75 * self._people.coupon_love[customer])
        )
        coupon = np.zeros(len(number), dtype=np.int64)
        if len(wanted):
            _, first = np.unique(customer[wanted], return_index=True)
            used = wanted[first]
            coupon[used] = open_coupon[used]
            self._mailing.redeem(customer[used], number[used], seconds[used])
        return coupon

    def _outcome(self, rng: np.random.Generator, fake: Ints, net: Ints) -> Ints:
        """Draw delivered, cancelled or bought with a stolen card (dear orders only)."""
        uniform = rng.random(len(net))
        status = np.where(uniform < 0.04, CANCELLED, DELIVERED)
        dear = net >= (np.quantile(net, 0.85) if len(net) else 0)
        status = np.where((uniform > 1 - 0.02) & dear, FRAUD, status)
        return np.where(fake >= 0, DELIVERED, status)

    def _where_to(self, rng: np.random.Generator, customer: Ints, fake: Ints, stolen: Bools) -> tuple[Ints, Ints]:
        """Return household and region of the shipping address; gifts and stolen goods go elsewhere."""
        household = self._people.household[customer]
        region = self._people.region[customer]
        elsewhere = (rng.random(len(customer)) < 0.05) | stolen
        other = rng.integers(0, len(self._people.household), len(customer))
        household = np.where(elsewhere & (fake < 0), self._people.household[other], household)
        region = np.where(elsewhere & (fake < 0), self._people.region[other], region)
        return np.where(fake >= 0, self._rings.address[fake] if len(self._rings.address) else 0, household), region

    def _device(self, rng: np.random.Generator, customer: Ints, channel: Ints, fake: Ints, stolen: Bools) -> Ints:
        """Return device numbers: a telephone for the app, a computer or the household's for the web."""
        household = self._people.household[customer]
        shared = (channel == 0) & (rng.random(len(customer)) < 0.3)
        device = np.where(shared, 4 * household + 2, 4 * customer + channel)
        device = np.where(stolen, 4 * customer + 3, device)
        return np.where(fake >= 0, self._rings.device[fake] if len(self._rings.device) else 0, device)

    def _network(self, rng: np.random.Generator, customer: Ints, channel: Ints, fake: Ints) -> Ints:
        """Return network numbers: the household's line, or one of a mobile carrier's that strangers share."""
        mobile = (channel == 1) & (rng.random(len(customer)) < 0.5) & (fake < 0)
        carrier = 8_000_000 + rng.integers(0, max(200, len(self._people.region) // 2), len(customer))
        home = np.where(fake >= 0, self._rings.address[fake] if len(self._rings.address) else 0, 0)
        home = np.where(fake >= 0, home, self._people.household[customer])
        return np.where(mobile, carrier, home)


def _clock(rng: np.random.Generator, day: Ints, is_night: Bools) -> Ints:
    hour = rng.choice(24, len(day), p=_HOUR_WEIGHT / _HOUR_WEIGHT.sum())
    hour = np.where(is_night, rng.integers(0, 5, len(day)), hour)
    return np.asarray(START_SECONDS + day * DAY_SECONDS + hour * 3600 + rng.integers(0, 3600, len(day)))


def _milestones(rng: np.random.Generator, seconds: Ints, status: Ints, is_fake: Bools) -> tuple[Ints, Ints]:
    """Return when orders were paid and delivered; -1 when never or not before the end of the range."""
    count = len(seconds)
    wait: Floats = np.where(rng.random(count) < 0.85, rng.uniform(20, 600, count), rng.uniform(600, 90_000, count))
    paid = seconds + np.where(is_fake, 30 + wait % 60, wait).astype(np.int64)
    transit = rng.gamma(4.0, 0.8, count) + 0.6
    delivered = paid + (np.where(is_fake, 0.2 + 0.1 * transit, transit) * DAY_SECONDS).astype(np.int64)
    never_paid = (status == CANCELLED) & (rng.random(count) < 0.5)
    paid = np.where(never_paid | (paid >= END_SECONDS), -1, paid)
    not_delivered = (status == CANCELLED) | (status == FRAUD) | (paid < 0) | (delivered >= END_SECONDS)
    return paid, np.where(not_delivered, -1, delivered)
