"""The only part of the package that knows Streamlit."""

from cifarviz.people.person import find_person_by
from cifarviz.ui.identity import find_person_of_page

# Here, so that no code of a page can run before it is known for whom.
find_person_by(find_person_of_page)
