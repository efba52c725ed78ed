"""A verify-only reader of OpenPGP signatures and public keys: the engine `native`.

Bytes go from `armor` (text to bytes) through `packet` (framing) to `key`, `statement` (one
signature packet of any type) and then `certificate` and `signature`, which other rooms use;
`facts` is our own short form of a certificate.  Hashing is hashlib's, all arithmetic is done by
`cryptography` and only in `mathematics`.  What is left to others: who may sign what (`trust`),
where keys come from, and what a finding means for an artifact (`judge`).
"""
