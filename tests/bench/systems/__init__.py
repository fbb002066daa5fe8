"""One file a peer: what starts it, scales it, and takes it away again. Nothing here measures."""
