"""De-duplication over a corpus that fits into no memory: sketches, an index of band keys, candidates, verification.

Read in the order of the work: parts (what lies where), texts (one pass over each shard's text), index, candidates,
verification, outcome. The algorithms are in `aigc_data.text`; here are files, jobs and their bounds of memory.
"""
