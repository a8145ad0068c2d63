"""Who has an account, in memory."""

import hashlib
import hmac
import re
import secrets
import threading
import uuid
from dataclasses import dataclass

from validation import Invalid, check_fields, text

RULES = {
    "email": lambda value: None if re.fullmatch(r"[^\s@]+@[^\s@]+\.[^\s@]+", value) else "Enter an e-mail address.",
    "password": lambda value: None if len(value) >= 8 else "Use at least 8 characters.",
    "name": lambda value: None if value else "Enter your name.",
}


def hashed(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1)


@dataclass
class Person:
    id: str
    email: str
    name: str
    salt: bytes
    hash: bytes

    def shown(self) -> dict:
        return {"id": self.id, "email": self.email, "name": self.name}


class People:
    def __init__(self) -> None:
        self._by_email: dict[str, Person] = {}
        # Requests come on several threads.
        self._lock = threading.Lock()

    def add(self, fields: dict) -> Person:
        email = text(fields.get("email")).strip().lower()
        name = text(fields.get("name")).strip()
        password = text(fields.get("password"))
        check_fields({"email": email, "name": name, "password": password}, RULES)
        salt = secrets.token_bytes(16)
        person = Person(str(uuid.uuid4()), email, name, salt, hashed(password, salt))
        with self._lock:
            if email in self._by_email:
                raise Invalid({"email": "This e-mail address has an account already."})
            self._by_email[email] = person
        return person

    def find(self, email: str, password: str) -> Person | None:
        person = self._by_email.get(email.strip().lower())
        given = hashed(password, person.salt if person else b"")
        return person if person and hmac.compare_digest(given, person.hash) else None

    def by_id(self, identity: str) -> Person | None:
        return next((person for person in self._by_email.values() if person.id == identity), None)
