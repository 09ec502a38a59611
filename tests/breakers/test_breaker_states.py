"""The table of states: each row of it, through the public class, on a real database."""
