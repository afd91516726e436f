"""All input and output of the workspace: the Parquet writer, manifests, layers, releases."""
