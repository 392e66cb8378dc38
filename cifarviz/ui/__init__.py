"""The only part of the package that knows Streamlit."""

from cifarviz.ui.streamlit_patches import use_app_navigation

# Here, since a page that Streamlit draws by itself imports this package before anything else.
use_app_navigation()
