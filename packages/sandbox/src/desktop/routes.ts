import {
  type Exchange,
  parseJson,
  readText,
  requireJsonContent,
  sendEmpty,
  sendJson,
} from "../http/exchange.ts";
import type { Handler, Route } from "../http/router.ts";
import type { SandboxLimits } from "../limits.ts";
import { parseTarget, parseTimeout, parseTree } from "./accessibility/requests.ts";
import { contentTypes } from "./capture/encoder.ts";
import type { Desktop } from "./desktop.ts";
import { sendVideo } from "./recording/send-video.ts";
import * as requests from "./requests.ts";
import type { DesktopSession } from "./session.ts";
import { streamRoutes } from "./stream/routes.ts";
import type { Region } from "./types.ts";

/** Handles the JSON body of a request on the active desktop. The result is the answer. */
type SessionHandler = (session: DesktopSession, body: unknown, exchange: Exchange) => Promise<unknown>;

const ok = { ok: true };

/** Routes `/v1/desktop`, with the paths and answers of the peer. */
export class DesktopRoutes {
  readonly #desktop: Desktop;
  readonly #limits: SandboxLimits;

  constructor(desktop: Desktop, limits: SandboxLimits) {
    this.#desktop = desktop;
    this.#limits = limits;
  }

  routes(): readonly Route[] {
    return [
      ...this.#lifecycle(),
      ...this.#screenshots(),
      ...this.#mouse(),
      ...this.#keyboard(),
      ...this.#windows(),
      ...this.#accessibility(),
      ...this.#programs(),
      ...this.#recordings(),
      ...streamRoutes(
        () => this.#desktop.session.stream,
        () => this.#desktop.isActive,
      ),
    ];
  }

  #lifecycle(): readonly Route[] {
    const desktop = this.#desktop;
    return [
      get("status", async ({ response }) => sendJson(response, await desktop.status())),
      post("start", async (exchange) => {
        const options = requests.parseStart(await this.#body(exchange));
        sendJson(exchange.response, await desktop.start(options));
      }),
      post("stop", async ({ response }) => sendJson(response, await desktop.stop())),
      get("display/info", ({ response }) => {
        const { display, resolution } = desktop.session;
        sendJson(response, { display: display.name, resolution });
      }),
    ];
  }

  #screenshots(): readonly Route[] {
    return [
      get("screenshot", (exchange) => this.#screenshot(exchange, undefined)),
      get("screenshot/region", (exchange) =>
        this.#screenshot(exchange, requests.parseRegion(exchange.query)),
      ),
    ];
  }

  #mouse(): readonly Route[] {
    return [
      get("mouse/position", async ({ response }) =>
        sendJson(response, await this.#desktop.session.mouse.position()),
      ),
      this.#input("mouse/move", ({ mouse }, body) => mouse.move(requests.parsePoint(body))),
      this.#input("mouse/click", ({ mouse }, body) =>
        mouse.click(requests.parsePoint(body), requests.parseButton(body), requests.parseClickCount(body)),
      ),
      this.#input("mouse/down", ({ mouse }, body) =>
        mouse.press(requests.parseButton(body), requests.parseOptionalPoint(body)),
      ),
      this.#input("mouse/up", ({ mouse }, body) =>
        mouse.release(requests.parseButton(body), requests.parseOptionalPoint(body)),
      ),
      this.#input("mouse/drag", ({ mouse }, body) =>
        mouse.drag(
          requests.parsePoint(body, "startX", "startY"),
          requests.parsePoint(body, "endX", "endY"),
          requests.parseButton(body),
        ),
      ),
      this.#input("mouse/scroll", ({ mouse }, body) => {
        const { deltaX, deltaY } = requests.parseScroll(body);
        return mouse.scroll(requests.parsePoint(body), deltaX, deltaY);
      }),
    ];
  }

  #keyboard(): readonly Route[] {
    return [
      this.#input("keyboard/type", async ({ keyboard }, body, { signal }) => {
        const { text, delayMs } = requests.parseType(body);
        await keyboard.type(text, delayMs, signal);
        return ok;
      }),
      this.#input("keyboard/press", async ({ keyboard }, body) => {
        await keyboard.press(requests.parseKey(body), requests.parseModifiers(body));
        return ok;
      }),
      this.#input("keyboard/down", async ({ keyboard }, body) => {
        await keyboard.down(requests.parseKey(body));
        return ok;
      }),
      this.#input("keyboard/up", async ({ keyboard }, body) => {
        await keyboard.up(requests.parseKey(body));
        return ok;
      }),
    ];
  }

  #windows(): readonly Route[] {
    const id = ({ params }: Exchange) => params.id ?? "";
    return [
      get("windows", async ({ response }) => {
        sendJson(response, { windows: await this.#desktop.session.windows.list() });
      }),
      get("windows/focused", async ({ response }) => {
        sendJson(response, await this.#desktop.session.windows.focused());
      }),
      post("windows/:id/focus", async (exchange) => {
        sendJson(exchange.response, await this.#desktop.session.windows.focus(id(exchange)));
      }),
      post("windows/:id/close", async (exchange) => {
        sendJson(exchange.response, { closed: await this.#desktop.session.windows.close(id(exchange)) });
      }),
      this.#use("windows/:id/move", ({ windows }, body, exchange) => {
        const { x, y } = requests.parseWindowPosition(body);
        return windows.move(id(exchange), x, y);
      }),
      this.#use("windows/:id/resize", ({ windows }, body, exchange) => {
        const { width, height } = requests.parseWindowSize(body);
        return windows.resize(id(exchange), width, height);
      }),
    ];
  }

  #accessibility(): readonly Route[] {
    return [
      get("tree", async ({ query, response }) => {
        sendJson(response, await this.#desktop.session.accessibility.tree(parseTree(query)));
      }),
      this.#use("tree/click", async ({ accessibility, input, mouse }, body) => {
        const button = requests.parseButton(body);
        const count = requests.parseClickCount(body);
        const { node, center } = await accessibility.find(parseTarget(body), parseTimeout(body));
        return { node, position: await input.run(() => mouse.click(center, button, count)) };
      }),
    ];
  }

  #programs(): readonly Route[] {
    const { maxClipboardBytes } = this.#limits;
    return [
      get("apps", async ({ response }) => {
        sendJson(response, { apps: await this.#desktop.session.apps.installed() });
      }),
      this.#use("launch", ({ apps }, body) => {
        const { app, args, wait } = requests.parseLaunch(body);
        return apps.launch(app, args, wait);
      }),
      this.#use("open", ({ apps }, body) => apps.open(requests.parseTarget(body))),
      {
        path: "/v1/desktop/clipboard",
        methods: {
          GET: async ({ query, response }) => {
            const selection = requests.parseSelection(query);
            const text = await this.#desktop.session.clipboard.read(selection);
            sendJson(response, { text, selection });
          },
          POST: async (exchange) => {
            const body = await this.#body(exchange);
            const { text, selections } = requests.parseClipboardWrite(body, maxClipboardBytes);
            await this.#desktop.session.clipboard.write(text, selections);
            sendJson(exchange.response, ok);
          },
        },
      },
    ];
  }

  #recordings(): readonly Route[] {
    const desktop = this.#desktop;
    const id = ({ params }: Exchange) => params.id ?? "";
    return [
      post("recording/start", async (exchange) => {
        const fps = requests.parseFps(await this.#body(exchange));
        sendJson(exchange.response, await desktop.startRecording(fps));
      }),
      post("recording/stop", async ({ response }) => {
        sendJson(response, await (await desktop.recordings()).stop());
      }),
      get("recordings", async ({ response }) => {
        sendJson(response, { recordings: await (await desktop.recordings()).list() });
      }),
      {
        path: "/v1/desktop/recordings/:id",
        methods: {
          GET: async (exchange) => {
            sendJson(exchange.response, await (await desktop.recordings()).get(id(exchange)));
          },
          DELETE: async (exchange) => {
            await (await desktop.recordings()).remove(id(exchange));
            sendEmpty(exchange.response, 204);
          },
        },
      },
      get("recordings/:id/download", async (exchange) => {
        await sendVideo(exchange, (await desktop.recordings()).path(id(exchange)));
      }),
    ];
  }

  async #screenshot({ query, response }: Exchange, region: Region | undefined): Promise<void> {
    const options = requests.parseScreenshot(query);
    const image = await this.#desktop.screenshot(options, region);
    response.writeHead(200, {
      "content-type": contentTypes[options.format],
      "content-length": image.length,
      "cache-control": "no-store",
    });
    response.end(image);
  }

  /** A route that uses the active desktop. */
  #use(path: string, handle: SessionHandler): Route {
    return post(path, async (exchange) => {
      const body = await this.#body(exchange);
      sendJson(exchange.response, await handle(this.#desktop.session, body, exchange));
    });
  }

  /** A route whose input must not mix with that of another request. */
  #input(path: string, handle: SessionHandler): Route {
    return this.#use(path, (session, body, exchange) =>
      session.input.run(async () => await handle(session, body, exchange)),
    );
  }

  /** The JSON body; an empty object where the client sends none. */
  async #body(exchange: Exchange): Promise<unknown> {
    const { headers } = exchange.request;
    const isAbsent =
      headers["transfer-encoding"] === undefined && Number(headers["content-length"] ?? 0) === 0;
    if (isAbsent) return {};
    requireJsonContent(exchange);
    return parseJson(await readText(exchange, this.#limits.maxJsonBytes));
  }
}

function get(path: string, handler: Handler): Route {
  return { path: `/v1/desktop/${path}`, methods: { GET: handler } };
}

function post(path: string, handler: Handler): Route {
  return { path: `/v1/desktop/${path}`, methods: { POST: handler } };
}
