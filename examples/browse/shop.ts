/** A shop with one form. It runs in the jail, on the jail's own loopback, and keeps orders in its working directory. */
import { appendFileSync } from "node:fs";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";

const page = (content: string) =>
  `<!doctype html><html lang="en"><title>Tea shop</title><h1>Tea shop</h1>${content}</html>`;

const form = page(`<form method="post" action="/orders">
  <p>Green tea, 4.50 a packet</p>
  <p><label>Your name <input name="customer" required></label></p>
  <p><label>Packets <input name="packets" value="1"></label></p>
  <button>Order tea</button>
</form>`);

const escaped = (value: string) => value.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);

const server = createServer(async (request, response) => {
  response.setHeader("content-type", "text/html; charset=utf-8");
  if (request.method !== "POST") return response.end(form);
  const order = new URLSearchParams(await text(request));
  const [customer, packets] = [order.get("customer") ?? "", order.get("packets") ?? ""];
  appendFileSync("orders.jsonl", `${JSON.stringify({ customer, packets })}\n`);
  return response.end(page(`<h2>Thank you, ${escaped(customer)}</h2>`));
});
server.listen(8080, "127.0.0.1", () => console.log("open"));
