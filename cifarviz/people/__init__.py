"""Who uses a home: the teacher at this computer, students of a class, viewers."""
