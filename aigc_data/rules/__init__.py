"""What the rules of all stages do, from the layers alone: `report` says what each removed, `tune` what another bound
would.

No text is opened, except for the few examples that a report shows.
"""
