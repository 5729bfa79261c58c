"""Demand: how many units of each product sell on each of the next 28 days."""
