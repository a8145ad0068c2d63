"""`/notes`: each person sees and changes her own; another's note does not exist for her (404)."""

import threading
import time
import uuid
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Query

from auth import current_person
from people import Person
from validation import check_fields, text

DEFAULT_LIMIT = 20
MAX_LIMIT = 100


def check_title(value: str) -> str | None:
    if not value:
        return "Enter a title."
    return "Use at most 200 characters." if len(value) > 200 else None


RULES = {
    "title": check_title,
    "body": lambda value: "Use at most 20,000 characters." if len(value) > 20_000 else None,
}


@dataclass
class Note:
    id: str
    owner_id: str
    title: str
    body: str
    created_at: str
    updated_at: str

    def shown(self) -> dict:
        return {name: value for name, value in asdict(self).items() if name != "owner_id"}


class Notes:
    """Everybody's notes, in memory."""

    def __init__(self) -> None:
        self._all: dict[str, Note] = {}
        self._last_change = 0
        # Requests come on several threads.
        self._lock = threading.Lock()

    def add(self, owner_id: str, fields: dict) -> Note:
        title, body = text(fields.get("title")).strip(), text(fields.get("body"))
        check_fields({"title": title, "body": body}, RULES)
        now = self._change_time()
        note = Note(str(uuid.uuid4()), owner_id, title, body, now, now)
        self._all[note.id] = note
        return note

    def get(self, owner_id: str, identity: str) -> Note:
        note = self._all.get(identity)
        if note is None or note.owner_id != owner_id:
            raise HTTPException(404, "There is no such note.")
        return note

    def change(self, note: Note, fields: dict) -> Note:
        title = text(fields["title"]).strip() if "title" in fields else note.title
        body = text(fields["body"]) if "body" in fields else note.body
        check_fields({"title": title, "body": body}, RULES)
        note.title, note.body, note.updated_at = title, body, self._change_time()
        return note

    def remove(self, note: Note) -> None:
        self._all.pop(note.id, None)

    def search(self, owner_id: str, words: str) -> list[Note]:
        """The newest change first."""
        wanted = words.strip().lower()
        own = [note for note in list(self._all.values()) if note.owner_id == owner_id]
        found = [note for note in own if wanted in f"{note.title}\n{note.body}".lower()]
        return sorted(found, key=lambda note: note.updated_at, reverse=True)

    def _change_time(self) -> str:
        """Now (RFC 3339), but never the same twice: two changes within a microsecond keep their order."""
        with self._lock:
            self._last_change = max(time.time_ns() // 1000, self._last_change + 1)
            moment = datetime.fromtimestamp(self._last_change / 1_000_000, UTC)
        return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def mount(app: FastAPI, notes: Notes) -> None:
    Caller = Annotated[Person, Depends(current_person)]

    @app.get("/notes")
    def search(
        person: Caller,
        q: str = "",
        limit: Annotated[int, Query(alias="$limit", ge=0)] = DEFAULT_LIMIT,
        skip: Annotated[int, Query(alias="$skip", ge=0)] = 0,
    ) -> dict:
        found = notes.search(person.id, q)
        limit = min(limit, MAX_LIMIT)
        data = [note.shown() for note in found[skip : skip + limit]]
        return {"total": len(found), "limit": limit, "skip": skip, "data": data}

    @app.post("/notes", status_code=201)
    def create(person: Caller, fields: dict) -> dict:
        return notes.add(person.id, fields).shown()

    @app.get("/notes/{identity}")
    def read(person: Caller, identity: str) -> dict:
        return notes.get(person.id, identity).shown()

    @app.patch("/notes/{identity}")
    def change(person: Caller, identity: str, fields: dict) -> dict:
        return notes.change(notes.get(person.id, identity), fields).shown()

    @app.delete("/notes/{identity}")
    def remove(person: Caller, identity: str) -> dict:
        note = notes.get(person.id, identity)
        notes.remove(note)
        return note.shown()
