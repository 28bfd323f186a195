import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { parse } from "qs";
import type { WebhookSender } from "../forge-server/webhook-sender.ts";
import { Billing } from "./billing.ts";
import { EventSender } from "./events.ts";
import type { KeptAnswer, KeptStripe } from "./kept.ts";
import { type Price, Refusal } from "./objects.ts";
import {
  checkoutPage,
  clockPage,
  completeCheckout,
  invoicePage,
  type PageAnswer,
  portalPage,
} from "./pages.ts";
import { type Fields, routes } from "./routes.ts";

const monthMs = 31 * 24 * 60 * 60 * 1000;

/** Takes the place of the answer to one request of the API: the next one, or the next that is `at` "METHOD path". */
export interface StripeFault {
  readonly at?: RegExp;
  /** "lost" does what was asked, and answers nothing. */
  readonly kind: "disconnect" | "lost" | "error" | "rate_limit";
}

export interface StripeEmulatorOptions {
  /** The secret key that is accepted. */
  readonly key: string;
  /** Default: a free one. */
  readonly port?: number;
  /** State of an earlier emulator. */
  readonly kept?: KeptStripe | undefined;
  /** Called after each request that may have changed something, before its answer. */
  readonly onWrite?: () => void;
}

/** Stripe for one account, in memory. */
export class StripeEmulator {
  readonly url: string;
  readonly key: string;
  readonly billing: Billing;
  /** "METHOD path STATUS" of each request to the API. */
  readonly requests: string[] = [];
  readonly faults: StripeFault[] = [];
  /** True while nothing is answered. */
  isDown = false;
  readonly #server: ReturnType<typeof createServer>;
  #hanging: { readonly at: RegExp; readonly isDone: boolean; readonly reached: () => void } | undefined;
  readonly #keys: Map<string, KeptAnswer>;
  readonly #onWrite: (() => void) | undefined;
  #events: EventSender | undefined;
  readonly #awaited: { readonly type: string; readonly resolve: () => void }[] = [];
  #offsetMs: number;
  #eventCount: number;

  private constructor(
    { key, kept, onWrite }: StripeEmulatorOptions,
    server: ReturnType<typeof createServer>,
  ) {
    this.key = key;
    this.#server = server;
    this.#onWrite = onWrite;
    this.#keys = new Map(kept?.answers);
    this.#offsetMs = kept?.offsetMs ?? 0;
    this.#eventCount = kept?.eventCount ?? 0;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    this.billing = new Billing({
      url: this.url,
      now: () => this.now(),
      kept: kept?.billing,
      emit: (type, object) => {
        this.#eventCount += 1;
        for (const each of this.#awaited.splice(0)) {
          if (each.type === type) each.resolve();
          else this.#awaited.push(each);
        }
        this.#events?.send(`evt_${String(this.#eventCount).padStart(8, "0")}`, type, object);
      },
    });
  }

  static async start(options: StripeEmulatorOptions): Promise<StripeEmulator> {
    const server = createServer();
    server.listen(options.port ?? 0, "127.0.0.1");
    await once(server, "listening");
    const emulator = new StripeEmulator(options, server);
    server.on("request", (request, response) => {
      emulator.#handle(request, response).catch((error: unknown) => {
        if (!response.headersSent) response.writeHead(500);
        response.end(String(error));
      });
    });
    return emulator;
  }

  /** Seconds since the epoch. */
  now(): number {
    return Math.floor((Date.now() + this.#offsetMs) / 1000);
  }

  /** Moves the clock forward, and renews what is due. */
  advance(ms: number): void {
    this.#offsetMs += ms;
    this.billing.renew();
  }

  /** Adds a price of so many cents for one piece or, with the name of a meter's events, one unit of use. */
  addPrice(id: string, cents: number, meter?: string): Price {
    const meterId = meter === undefined ? null : this.billing.newId("mtr");
    if (meter !== undefined && meterId !== null) this.billing.meters.set(meterId, meter);
    const usage_type = meter === undefined ? "licensed" : "metered";
    const price: Price = {
      ...{ id, object: "price", active: true, currency: "usd", unit_amount: cents },
      recurring: { interval: "month", interval_count: 1, usage_type, meter: meterId },
    };
    this.billing.prices.set(id, price);
    return price;
  }

  /** Reports events to `url` from now on, signed with `secret`. */
  sendWebhooksTo(url: string, secret: string): WebhookSender {
    this.#events = new EventSender(url, secret, () => this.now());
    return this.#events.webhooks;
  }

  /** The next such request is never answered. With `isDone`, what it asks is done. Resolves when it has come. */
  hang(at: RegExp, isDone: boolean): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#hanging = { at, isDone, reached: resolve };
    return promise;
  }

  /** Every event that was sent or held. */
  get events(): EventSender["deliveries"] {
    return this.#events?.deliveries ?? [];
  }

  /** Resolves with the next event of a type. */
  nextEvent(type: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#awaited.push({ type, resolve });
    return promise;
  }

  /** What there is, for a later process. */
  kept(): KeptStripe {
    return {
      ...{ billing: this.billing.kept(), offsetMs: this.#offsetMs, eventCount: this.#eventCount },
      answers: [...this.#keys],
    };
  }

  /** Says again how all subscriptions stand: events may have ended with an earlier process. */
  repeatEvents(): void {
    for (const each of this.billing.subscriptions.values())
      this.billing.emit("customer.subscription.updated", each);
  }

  /** Pays the open checkout at this address, as its page does. */
  pay(url: string | null): void {
    completeCheckout(this.billing, url?.split("/").at(-1) ?? "");
  }

  async close(): Promise<void> {
    await this.#events?.webhooks.close();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "GET", url = "/" } = request;
    const { pathname, searchParams } = new URL(url, this.url);
    const body = await text(request);
    if (!pathname.startsWith("/v1/")) {
      this.#page(method, pathname, body, response);
      return;
    }
    const line = `${method} ${pathname}`;
    const next = this.faults.findIndex(({ at }) => at === undefined || at.test(line));
    const [fault] = next < 0 ? [] : this.faults.splice(next, 1);
    if (this.isDown || fault?.kind === "disconnect") {
      this.requests.push(`${line} 0`);
      request.socket.destroy();
      return;
    }
    const hanging = this.#hanging?.at.test(line) === true ? this.#hanging : undefined;
    if (hanging !== undefined) this.#hanging = undefined;
    if (hanging?.isDone === false) {
      hanging.reached();
      return;
    }
    const fields = parse(method === "GET" ? searchParams.toString() : body, { depth: 6 }) as Fields;
    const answer = this.#answer(request, line, fields, body, fault?.kind);
    this.requests.push(`${line} ${answer.status}`);
    if (method !== "GET") this.#onWrite?.();
    if (hanging !== undefined) {
      hanging.reached();
      return;
    }
    if (fault?.kind === "lost") {
      request.socket.destroy();
      return;
    }
    response.writeHead(answer.status, {
      ...{ "content-type": "application/json", "request-id": `req_${this.requests.length}` },
      ...(answer.isReplayed === true ? { "idempotent-replayed": "true" } : {}),
    });
    response.end(answer.body);
  }

  #answer(
    { headers }: IncomingMessage,
    line: string,
    fields: Fields,
    body: string,
    fault: StripeFault["kind"] | undefined,
  ): { readonly status: number; readonly body: string; readonly isReplayed?: boolean } {
    const error = (status: number, type: string, message: string) => ({
      ...{ status, body: JSON.stringify({ error: { type, message } }) },
    });
    if (headers.authorization !== `Bearer ${this.key}`)
      return error(401, "invalid_request_error", "Invalid API Key provided");
    if (fault === "rate_limit") return error(429, "rate_limit_error", "Too many requests");
    if (fault === "error") return error(500, "api_error", "An unknown error occurred");
    const given = headers["idempotency-key"];
    const key = typeof given === "string" && !line.startsWith("GET ") ? given : undefined;
    const hash = createHash("sha256").update(`${line}\n${body}`).digest("hex");
    const known = key === undefined ? undefined : this.#keys.get(key);
    if (known !== undefined) {
      if (known.hash === hash) return { ...known, isReplayed: true };
      const message = "Keys for idempotent requests can only be used with the same parameters";
      return error(400, "idempotency_error", message);
    }
    const answer = this.#route(line, fields);
    if (key !== undefined) this.#keys.set(key, { hash, ...answer });
    return answer;
  }

  #route(line: string, fields: Fields): { readonly status: number; readonly body: string } {
    try {
      for (const [pattern, route] of routes) {
        const found = pattern.exec(line);
        if (found === null) continue;
        const result = route(
          { billing: this.billing, now: this.now(), url: this.url },
          fields,
          found[1] ?? "",
        );
        return { status: 200, body: JSON.stringify(result) };
      }
      throw new Refusal(404, `Unrecognized request URL (${line})`);
    } catch (error) {
      if (error instanceof Refusal) return { status: error.status, body: JSON.stringify(error.body) };
      throw error;
    }
  }

  #page(method: string, path: string, body: string, response: ServerResponse): void {
    const action = method === "POST" ? (new URLSearchParams(body).get("action") ?? undefined) : undefined;
    const [, kind, id = ""] = path.split("/");
    if (action === "month") this.advance(monthMs);
    const pages: Readonly<Record<string, () => PageAnswer>> = {
      "": () => clockPage(this.billing, this.now()),
      checkout: () => checkoutPage(this.billing, id, action),
      portal: () => portalPage(this.billing, id, action),
      i: () => invoicePage(this.billing, id),
    };
    try {
      const answer = pages[kind ?? ""]?.();
      if (action !== undefined) this.#onWrite?.();
      if (answer === undefined) response.writeHead(404).end();
      else if ("location" in answer) response.writeHead(303, { location: answer.location }).end();
      else response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(answer.html);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      response.writeHead(error.status).end(error.message);
    }
  }
}
