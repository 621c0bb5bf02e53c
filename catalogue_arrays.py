"""interim"""
import json, sqlite3
from dataclasses import dataclass
from pathlib import Path
import numpy as np
@dataclass
class M: movie_ids: object; years: object; genres: object; tags: object; descriptions: object; rating_count: object; rating_mean: object
@dataclass
class R: indptr: object; movie_index: object; stars: object; timestamp: object
def load_version(path):
    c=sqlite3.connect(path); return json.loads(dict(c.execute("select key,value from meta"))["version"])
def load_movies(path):
    c=sqlite3.connect(path)
    rows=c.execute("select movie_id,year,genres,top_tags,rating_count,rating_mean,description from movies order by movie_id").fetchall()
    def tags(t):
        v=json.loads(t)
        return [tuple(x) if isinstance(x,list) else (x["tag"],x["relevance"]) for x in v]
    return M(np.array([r[0] for r in rows],np.int64),np.array([r[1] or 0 for r in rows],np.int16),[json.loads(r[2]) for r in rows],[tags(r[3]) for r in rows],None,np.array([r[4] for r in rows],np.int32),np.array([r[5] or 0 for r in rows],np.float32))
def load_ratings(path):
    c=sqlite3.connect(path)
    a=np.array(c.execute("select user_id,movie_id,stars,timestamp from ratings order by user_id").fetchall())
    ids=np.array([r[0] for r in c.execute("select movie_id from movies order by movie_id")])
    _,counts=np.unique(a[:,0],return_counts=True)
    return R(np.concatenate([[0],np.cumsum(counts)]),np.searchsorted(ids,a[:,1]).astype(np.int32),a[:,2].astype(np.float32),a[:,3].astype(np.int64))
