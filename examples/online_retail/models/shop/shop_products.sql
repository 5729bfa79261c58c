with

lines as (
    select * from {{ ref('shop_lines') }}
),

-- The name is the text that stands most often on priced lines: the others carry remarks such as 'damages' or 'found'.
names as (
    select
        stock_code,
        upper(description_text) as product_name,
        row_number() over (
            partition by stock_code
            order by count(*) desc nulls last, upper(description_text) asc nulls last
        ) as frequency_rank
    from lines
    where description_text is not null and unit_price > 0 and quantity > 0
    group by stock_code, upper(description_text)
),

stock_codes as (
    select distinct stock_code from lines
),

named as (
    select
        stock_codes.stock_code,
        names.product_name,
        regexp_matches(stock_codes.stock_code, '^([0-9]{5}|DCGS|PADS)') as is_article
    from stock_codes
    left join names on stock_codes.stock_code = names.stock_code and names.frequency_rank = 1
),

-- The shop gives no categories. Words of the name make a coarse one; the first that fits counts.
final as (
    select
        stock_code as product_id,
        product_name as name,
        case
            when not is_article then 'not merchandise'
            when regexp_matches(product_name, '\b(CHRISTMAS|XMAS|ADVENT|SANTA|REINDEER|SNOWFLAKE|SNOWMAN|BAUBLE)S?\b') then 'christmas'
            when regexp_matches(product_name, '\b(NECKLACE|NECKL|BRACELET|EARRING|BROOCH|BANGLE|HAIR|CHARM|RING|KEYRING)S?\b')
                then 'jewellery'
            when regexp_matches(product_name, '\b(BAG|PURSE|SHOPPER|UMBRELLA|LUNCH BOX|WASHBAG|WALLET)S?\b') then 'bags'
            when regexp_matches(product_name, '\b(CANDLE|T-LIGHT|LANTERN|LIGHT|LAMP|INCENSE)S?\b') then 'lights and candles'
            when regexp_matches(product_name, '\b(CARD|WRAP|PAPER|PEN|PENCIL|NOTEBOOK|STICKER|RIBBON|TAPE|CHALK|ERASER|TISSUE)S?\b')
                then 'stationery'
            when regexp_matches(product_name, '\b(MUG|CUP|TEA|COFFEE|PLATE|BOWL|CAKE|BAKING|JAR|TIN|KITCHEN|SPOON|JUG|GLASS|BOTTLE)S?\b')
                then 'kitchen'
            when regexp_matches(product_name, '\b(GARDEN|PLANT|FLOWER|BIRD|HERB|WATERING|PARASOL|PICNIC)S?\b') then 'garden'
            when regexp_matches(product_name, '\b(DOLL|TOY|GAME|PUZZLE|CHILDREN|BABY|GIRL|BOY|JIGSAW|SKITTLE|BALLOON|PARTY|BUNTING)S?\b')
                then 'toys and party'
            when product_name is not null then 'home'
        end as category
    from named
)

select * from final
