"""The caching proxy: an unmodified build asks it, and gets verified bytes or the reason why not."""
