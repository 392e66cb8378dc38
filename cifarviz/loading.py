"""One thread at a time imports a heavy library.

TensorFlow and scikit-learn import parts of themselves in circles. Two threads that begin at
different ends wait for each other's half-loaded modules, and Python breaks that off with an
error: in a server, the warm-up and the first run could meet so.
"""

import threading

HEAVY_IMPORTS = threading.RLock()
"""Hold it around ``import`` of TensorFlow, Keras or scikit-learn inside a function."""
