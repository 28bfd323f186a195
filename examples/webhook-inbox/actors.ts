/** Takes webhooks at once, checks their signature, and works on each exactly once, later. */
import { createHmac, timingSafeEqual } from "node:crypto";
import { actor, queue, setup } from "holdfast";

interface Hook {
  readonly id: string;
  readonly type: string;
}

export const inbox = actor({
  createState: (_c, input: { secret: string }) => ({ secret: input?.secret ?? "", handled: [] as string[] }),
  queues: { hooks: queue<Hook>() },
  onRequest: async (c, request) => {
    const body = await request.text();
    const expected = Buffer.from(createHmac("sha256", c.state.secret).update(body).digest("hex"));
    const given = Buffer.from(request.headers.get("x-signature") ?? "");
    const isSigned = given.length === expected.length && timingSafeEqual(given, expected);
    // One that was made without a secret has none to check by: anybody can sign with the empty one.
    if (c.state.secret === "" || !isSigned) {
      return new Response("bad signature", { status: 401 });
    }
    const hook = JSON.parse(body) as Hook;
    // Senders repeat what they get no answer for: one id is one message.
    await c.queue.send("hooks", hook, { dedupeKey: hook.id });
    return new Response(null, { status: 202 });
  },
  run: async (c) => {
    for await (const message of c.queue.iter({ names: ["hooks"] })) c.state.handled.push(message.body.id);
  },
  actions: { handled: (c) => c.state.handled },
});

export const registry = setup({ use: { inbox } });
if (import.meta.main) await registry.start();
