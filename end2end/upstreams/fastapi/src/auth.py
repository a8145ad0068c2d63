"""`POST /token`: the password flow of OAuth 2, and its refresh (RFC 6749 §4.3 and §6)."""

import os
import secrets
import threading
import time
from typing import Annotated

import jwt
from fastapi import Depends, FastAPI, Form, HTTPException
from fastapi.security import OAuth2PasswordBearer, OAuth2PasswordRequestForm

from people import People, Person

ACCESS_LIFE = int(os.environ.get("FASTAPI_JWT_EXPIRES_IN", 15 * 60))
REFRESH_LIFE = int(os.environ.get("FASTAPI_REFRESH_EXPIRES_IN", 30 * 24 * 60 * 60))
# People are lost with the process, so their tokens may be as well.
SECRET = secrets.token_hex(32)
ALGORITHM = "HS256"

bearer = OAuth2PasswordBearer(tokenUrl="token")
known: People
refresh_tokens: dict[str, tuple[str, float]] = {}
lock = threading.Lock()


def unauthorized(detail: str) -> HTTPException:
    return HTTPException(401, detail, {"WWW-Authenticate": "Bearer"})


def issue(person: Person) -> dict:
    now = int(time.time())
    refresh = secrets.token_urlsafe(32)
    with lock:
        refresh_tokens[refresh] = (person.id, now + REFRESH_LIFE)
    access = jwt.encode({"sub": person.id, "iat": now, "exp": now + ACCESS_LIFE}, SECRET, ALGORITHM)
    return {"access_token": access, "token_type": "bearer", "expires_in": ACCESS_LIFE, "refresh_token": refresh}


def current_person(token: Annotated[str, Depends(bearer)]) -> Person:
    try:
        claims = jwt.decode(token, SECRET, [ALGORITHM])
    except jwt.InvalidTokenError as error:
        raise unauthorized("Could not validate credentials") from error
    person = known.by_id(claims["sub"])
    if person is None:
        raise unauthorized("Could not validate credentials")
    return person


class TokenForm(OAuth2PasswordRequestForm):
    """The form of FastAPI, which takes the grant `refresh_token` too."""

    def __init__(
        self,
        grant_type: Annotated[str, Form(pattern="^(password|refresh_token)$")] = "password",
        username: Annotated[str, Form()] = "",
        password: Annotated[str, Form()] = "",
        refresh_token: Annotated[str, Form()] = "",
    ) -> None:
        super().__init__(grant_type=grant_type, username=username, password=password)
        self.refresh_token = refresh_token


def log_in(form: Annotated[TokenForm, Depends()]) -> dict:
    if form.grant_type == "refresh_token":
        return refresh(form.refresh_token)
    person = known.find(form.username, form.password)
    if person is None:
        raise unauthorized("Incorrect username or password")
    return issue(person)


def refresh(token: str) -> dict:
    """Each refresh token serves once."""
    with lock:
        owner, end = refresh_tokens.pop(token, ("", 0.0))
    person = known.by_id(owner)
    if person is None or end <= time.time():
        # RFC 6749 §5.2
        raise HTTPException(400, "invalid_grant")
    return issue(person)


def mount(app: FastAPI, people: People) -> None:
    global known
    known = people
    app.post("/token")(log_in)
