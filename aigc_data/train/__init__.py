"""Train and sample a language model from a release; depends on torch and on nothing else of the project but the release reader."""
