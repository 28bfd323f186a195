import { isHoldfastError } from "holdfast/errors";
import { Hono } from "hono";
import { registry } from "./registry.ts";

const notesOf = (person: string) => registry.client.notes.getOrCreate(person);

export const app = new Hono()
  .get("/notes/:person", async (c) => c.json(await notesOf(c.req.param("person")).list()))
  .post("/notes/:person", async (c) => {
    const { text } = await c.req.json<{ text: string }>();
    return c.json(await notesOf(c.req.param("person")).add(text), 201);
  })
  .delete("/notes/:person/:id", async (c) => {
    await notesOf(c.req.param("person")).remove(Number(c.req.param("id")));
    return c.body(null, 204);
  })
  .onError((error, c) => {
    // A UserError is meant for the caller; everything else is a fault of the program.
    if (isHoldfastError(error) && error.group === "user")
      return c.json({ code: error.code, error: error.message }, 400);
    console.error(error);
    return c.json({ error: "Something went wrong" }, 500);
  });
