"""Rules of robust literals: memorizers whose size does not grow with the dimension."""
