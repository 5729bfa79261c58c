"""Which products a customer will want: candidates, their contest, the ranking of what they propose, similar products and sellers."""
