"""A show on loopback: an honest signed repository, and attacks on it that are really carried out.

Everything is made on the spot and thrown away: keys, certificates, servers, policies, caches.
Nothing here is used by a verification; the verdicts come from the same corridor as every other.
"""
