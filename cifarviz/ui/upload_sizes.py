"""The largest files that pages let people choose, in megabytes.

No limit can be larger than ``server.maxUploadSize`` in ``.streamlit/config.toml``.
"""

from typing import Final

MAX_PICTURE_MB: Final = 20
"""A photograph fits, a film does not."""
MAX_ARCHIVE_MB: Final = 1000
"""Of a data set, or a packed run."""
