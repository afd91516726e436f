"""The work behind `aigc-data safety`: labelled sets are read, classifiers trained, filters held against labels."""
