-- A returned row is a topic of the registry whose latest training has no champion, or more than one (`champions`). Predictions would come from
-- none, or from a mixture: see the standings of that topic.
select
    topic,
    sum(case when is_champion then 1 else 0 end) as champions
from {{ ref('mon_model_registry') }}
where is_latest
group by topic
having sum(case when is_champion then 1 else 0 end) <> 1
