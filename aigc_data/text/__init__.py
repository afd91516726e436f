"""Text algorithms: columns in, columns out; they know no shard and no stage."""
