{{ config(severity='warn') }}
-- A returned row is a model whose 80% band of demand, of a product's day or a category's week, holds more or fewer than it says, by more than
-- trendhouse_calibration_tolerance, ties of counts corrected, over 1,000 predictions at least. Source backtest: origins differ from one another
-- (a season, a gap in the data), or the history is short. Source live: demand has changed since the training; train anew, and see
-- mon_calibration by week ahead and size.
select
    fit_id,
    scale,
    source,
    predictions,
    band_share,
    tie_corrected_band_share
from {{ ref('mon_calibration') }}
where
    cut = 'all'
    and level = 0.9
    and predictions >= 1000
    and abs(tie_corrected_band_share - band_level) > {{ var('trendhouse_calibration_tolerance') }}
