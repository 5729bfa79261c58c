"""Price response: elasticities, promotion lift."""
