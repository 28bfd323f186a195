/**
 * An emulator of what the SDK of Sprites speaks: its REST API, with the log of a starting service as lines of JSON,
 * and the proxy before each sprite, which lets in who has the account's key. A sprite is a directory in which its
 * service really runs.
 */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { type Machine, Machines } from "../providers/machine.ts";
import { forwardTo, jsonOf, type LocalService, serveLocally } from "./json-service.ts";

export const spritesKey = "key of the account";

interface Service {
  readonly cmd: string;
  readonly args: string[];
  readonly env?: Record<string, string>;
  readonly http_port?: number;
}

interface Sprite {
  readonly machine: Machine;
  readonly proxy: LocalService;
  readonly services: Map<string, Service>;
}

export class SpritesService {
  /** Bodies of what was asked for. */
  readonly asked: unknown[] = [];
  /** What a service says instead of starting; in place of it where there is one. */
  script: readonly object[] | undefined;
  readonly #machines = new Machines();
  readonly #sprites = new Map<string, Sprite>();
  #service: LocalService | undefined;

  /** Starts it, and gives its address. */
  async start(): Promise<string> {
    this.#service = await serveLocally((request, response) => {
      this.#answer(request, response).catch((error: unknown) => fail(response, 500, String(error)));
    });
    return this.#service.url;
  }

  async close(): Promise<void> {
    await this.#service?.close();
    for (const { proxy } of this.#sprites.values()) await proxy.close();
    await this.#machines.clear();
  }

  get count(): number {
    return this.#sprites.size;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.headers.authorization !== `Bearer ${spritesKey}`) return fail(response, 401, "unauthorized");
    const { pathname } = new URL(request.url ?? "", "http://service");
    const [, , kind, name = "", part, service = ""] = pathname.split("/").map(decodeURIComponent);
    if (kind !== "sprites") return fail(response, 404, "no such route");
    if (request.method === "POST" && name === "") {
      const body = (await jsonOf(request)) as { name: string };
      this.asked.push(body);
      return send(response, 201, this.#described(body.name, await this.#create(body.name)));
    }
    const sprite = this.#sprites.get(name);
    if (sprite === undefined) return fail(response, 404, `sprite not found: ${name}`);
    switch (`${request.method} ${part ?? ""}`) {
      case "GET ":
        return send(response, 200, this.#described(name, sprite));
      case "DELETE ":
        this.#sprites.delete(name);
        await sprite.proxy.close();
        await this.#machines.remove(sprite.machine.id);
        response.writeHead(204).end();
        return;
      case "GET services": {
        const known = sprite.services.get(service);
        if (known === undefined) return fail(response, 404, `service not found: ${service}`);
        return send(response, 200, {
          name: service,
          ...known,
          needs: [],
          state: { name: service, status: "running" },
        });
      }
      case "PUT services": {
        const body = (await jsonOf(request)) as Service;
        this.asked.push(body);
        return await this.#run(sprite, service, body, response);
      }
      default:
        return fail(response, 405, "method not allowed");
    }
  }

  async #create(name: string): Promise<Sprite> {
    const machine = await this.#machines.make();
    const proxy = await serveLocally(forwardTo(machine.url, admit));
    const sprite = { machine, proxy, services: new Map<string, Service>() };
    this.#sprites.set(name, sprite);
    return sprite;
  }

  async #run(sprite: Sprite, name: string, service: Service, response: ServerResponse): Promise<void> {
    response.writeHead(200, { "content-type": "application/x-ndjson" });
    const say = (event: object) => response.write(`${JSON.stringify({ ...event, timestamp: Date.now() })}\n`);
    if (this.script !== undefined) {
      for (const event of this.script) say(event);
      response.end();
      return;
    }
    // No registry is asked: the command is on the machine.
    const line = (service.args.at(-1) ?? "").replace(
      /^exec npx -y -p holdfast@\S+ -p @holdfast\/sandbox@\S+ holdfast/,
      "holdfast",
    );
    await sprite.machine.run(`nohup ${line} > log 2>&1 < /dev/null &`);
    sprite.services.set(name, service);
    say({ type: "stdout", data: "starting\n" });
    say({ type: "started" });
    // It tells of the service as long as it was asked to; who has heard enough goes.
  }

  #described(name: string, { proxy }: Sprite): object {
    return {
      ...{ id: `sprite-${name}`, name, organization: "ours", status: "running" },
      ...{ url: proxy.url, url_settings: { auth: "sprite" }, created_at: "2026-01-01T00:00:00Z" },
    };
  }
}

/** What stands between the world and a sprite keeps the key to itself. */
function admit({ authorization, ...headers }: IncomingHttpHeaders): IncomingHttpHeaders | undefined {
  return authorization === `Bearer ${spritesKey}` ? headers : undefined;
}

function send(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
}

function fail(response: ServerResponse, status: number, message: string): void {
  send(response, status, { error: message });
}
