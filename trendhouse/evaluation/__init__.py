"""How good a prediction is: metrics, rolling-origin splits, conformal quantiles."""
