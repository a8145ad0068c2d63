"""The people that the API starts with."""

from notes import Notes
from people import People

PASSWORD = "vestibule-demo"

PEOPLE = [
    (
        {"email": "ada@example.com", "name": "Ada Lovelace"},
        [
            {"title": "Numbers and symbols", "body": "The engine might act upon other things besides number."},
            {"title": "Note G", "body": "Work out the Bernoulli numbers, step by step."},
            {"title": "Letter to Mary Somerville", "body": "Ask for the calculus book back."},
        ],
    ),
    (
        {"email": "grace@example.com", "name": "Grace Hopper"},
        [
            {"title": "Moth in relay 70", "body": "Taped into the log book, panel F."},
            {"title": "Compiler", "body": "The subroutines have call numbers: let it look them up itself."},
        ],
    ),
]


def seed(people: People, notes: Notes) -> None:
    """Puts in two people with notes of their own, by the same ways as any caller."""
    for fields, own in PEOPLE:
        person = people.add({**fields, "password": PASSWORD})
        for note in own:
            notes.add(person.id, note)
