"""How outcomes are shown: text for people, JSON for machines."""
