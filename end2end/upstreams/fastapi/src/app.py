"""A REST API with users and notes. A token comes from `POST /token`, form-encoded, and goes into `Authorization: Bearer`."""

from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse

import auth
import notes
from people import People, Person
from seed import seed
from validation import Invalid

people = People()
store = notes.Notes()
seed(people, store)

app = FastAPI(title="Notes")
auth.mount(app, people)
notes.mount(app, store)


@app.exception_handler(Invalid)
async def answer_invalid(_request: Request, error: Invalid) -> JSONResponse:
    return JSONResponse({"detail": "Some fields need another look.", "errors": error.errors}, 422)


@app.post("/users", status_code=201)
def sign_up(fields: dict) -> dict:
    return people.add(fields).shown()


@app.get("/users/me")
def me(person: Person = Depends(auth.current_person)) -> dict:
    return person.shown()
