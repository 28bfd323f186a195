import assert from "node:assert/strict";
import { field, type Sandbox, until } from "./harness.ts";

/** Client of the sessions API that returns status and body. */
export class SessionApi {
  readonly #sandbox: Pick<Sandbox, "fetch" | "url">;

  constructor(sandbox: Pick<Sandbox, "fetch" | "url">) {
    this.#sandbox = sandbox;
  }

  async call(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }> {
    const headers = body === undefined ? undefined : { "content-type": "application/json" };
    const response = await this.#sandbox.fetch(`${this.#sandbox.url}${path}`, {
      method,
      ...(headers === undefined ? {} : { headers, body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
  }

  /** Sends a request, asserts the status and returns the body. */
  async expect(status: number, method: string, path: string, body?: unknown): Promise<unknown> {
    const answer = await this.call(method, path, body);
    assert.equal(answer.status, status, JSON.stringify(answer.body));
    return answer.body;
  }

  async create(agent: string, more: object = {}): Promise<string> {
    return String(field(await this.expect(201, "POST", "/v1/sessions", { agent, ...more }), "id"));
  }

  /** Prompts a session and returns the settled prompt. */
  async prompt(id: string, prompt: string, promptId?: string): Promise<unknown> {
    const body = { prompt, ...(promptId === undefined ? {} : { id: promptId }) };
    return await this.expect(200, "POST", `/v1/sessions/${id}/prompt?wait=true`, body);
  }

  async accept(id: string, prompt: string, promptId?: string): Promise<unknown> {
    const body = { prompt, ...(promptId === undefined ? {} : { id: promptId }) };
    return await this.expect(202, "POST", `/v1/sessions/${id}/prompt`, body);
  }

  async session(id: string): Promise<unknown> {
    return await this.expect(200, "GET", `/v1/sessions/${id}`);
  }

  async events(id: string, query = "limit=1000"): Promise<readonly unknown[]> {
    const page = await this.expect(200, "GET", `/v1/sessions/${id}/events?${query}`);
    const events = field(page, "events");
    assert.ok(Array.isArray(events));
    return events;
  }

  async permissions(id: string, state = "pending"): Promise<readonly unknown[]> {
    const list = field(
      await this.expect(200, "GET", `/v1/sessions/${id}/permissions?state=${state}`),
      "permissions",
    );
    assert.ok(Array.isArray(list));
    return list;
  }

  /** Waits for `count` pending permissions and returns them. */
  async asked(id: string, count: number): Promise<readonly unknown[]> {
    await until(
      `${count} permissions are pending`,
      async () => (await this.permissions(id)).length === count,
    );
    return await this.permissions(id);
  }

  async answer(id: string, permission: unknown, answer: object) {
    return await this.call(
      "POST",
      `/v1/sessions/${id}/permissions/${String(field(permission, "id"))}`,
      answer,
    );
  }
}

/** Asserts that the sequences of events start at `first` and have no gaps. */
export function assertGapless(events: readonly unknown[], first = 1): void {
  const numbers = events.map((event) => field(event, "sequence"));
  assert.deepEqual(
    numbers,
    numbers.map((_, index) => first + index),
  );
}
