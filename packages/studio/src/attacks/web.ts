import { request } from "node:http";
import { join } from "node:path";
import { isHoldfastError } from "@holdfast/core";
import type { Attack, AttackFinding } from "@holdfast/gate";
import { createSandboxServer } from "@holdfast/sandbox";
import { connectWithCookie, createStudio, type Studio } from "@holdfast/studio";

type Lab = Parameters<Attack["run"]>[0];

interface RequestOptions {
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

interface Answer {
  readonly status: number;
  readonly cookie: string;
  readonly body: string;
}

/** Sends a browser's request with arbitrary headers. An accepted upgrade has the status 101. */
function send(studio: Studio, { path, method = "GET", headers = {}, body }: RequestOptions): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: "127.0.0.1", port: studio.port, path, method, headers });
    outgoing.once("error", reject);
    outgoing.once("upgrade", (_response, socket, head: Buffer) => {
      // Browsers hide a failed upgrade from the page, so the server accepts it and then closes with a reason.
      let received = "";
      const onData = (chunk: Buffer) => {
        received += chunk.toString("latin1");
        // Do not leave the server waiting for the answer to its close frame.
        if (closeReason(received) !== undefined) socket.destroy();
      };
      socket.on("error", () => {});
      socket.on("data", onData);
      socket.once("close", () => resolve({ status: 101, cookie: "", body: closeReason(received) ?? "open" }));
      onData(head);
    });
    outgoing.once("response", (incoming) => {
      let text = "";
      incoming.setEncoding("utf8");
      incoming.on("data", (chunk: string) => {
        text += chunk;
      });
      incoming.once("end", () =>
        resolve({
          status: incoming.statusCode ?? 0,
          cookie: String(incoming.headers["set-cookie"] ?? ""),
          body: text,
        }),
      );
    });
    outgoing.end(body);
  });
}

/** The reason in a WebSocket close frame (RFC 6455: two header bytes, a two-byte code, the reason), or undefined. */
function closeReason(frame: string): string | undefined {
  const at = frame.indexOf("\x88");
  const length = at < 0 ? Number.NaN : frame.charCodeAt(at + 1);
  return frame.length >= at + 2 + length ? frame.slice(at + 4, at + 2 + length) : undefined;
}

const json = { "content-type": "application/json" };

/** Runs a fresh Studio for one attack, configured as by `holdfast start`. */
async function withStudio(lab: Lab, use: (studio: Studio) => Promise<AttackFinding>): Promise<AttackFinding> {
  const studio = await createStudio({
    dataDirectory: join(lab.directory("studio"), "data"),
    environment: {},
    vault: { logins: false },
  });
  try {
    return await use(studio);
  } finally {
    await studio.close();
  }
}

async function exchange(studio: Studio, headers: Readonly<Record<string, string>>, ticket?: string) {
  const body = JSON.stringify({ ticket: ticket ?? (await studio.issueTicket()) });
  return send(studio, { path: "/auth/exchange", method: "POST", headers, body });
}

export const webAttacks: readonly Attack[] = [
  {
    id: "web.foreign_origin",
    group: "web",
    attempt: "a page of another site, or of none, calls the server on this machine",
    must: "403",
    layer: "server: list of origins",
    run: (lab) =>
      withStudio(lab, async (studio) => {
        const origins = ["https://evil.example", "null", `http://127.0.0.1.evil.example:${studio.port}`];
        const answers = await Promise.all(
          origins.map(async (origin) => (await exchange(studio, { ...json, origin })).status),
        );
        const own = await exchange(studio, { ...json, origin: studio.url });
        return {
          stopped: answers.every((status) => status === 403),
          observed: [...new Set(answers)].join(", "),
          control: { worked: own.status === 204, observed: "its own page is let in" },
        };
      }),
  },
  {
    id: "web.rebinding",
    group: "web",
    attempt: "a name of the attacker that leads to this machine (DNS rebinding)",
    must: "403",
    layer: "server: list of hosts",
    run: (lab) =>
      withStudio(lab, async (studio) => {
        const hosts = ["evil.example", `evil.example:${studio.port}`, "169.254.169.254"];
        const answers = await Promise.all(
          hosts.map(async (host) => (await send(studio, { path: "/health", headers: { host } })).status),
        );
        const own = await send(studio, { path: "/health" });
        return {
          stopped: answers.every((status) => status === 403),
          observed: [...new Set(answers)].join(", "),
          control: { worked: own.status === 200, observed: "its own name is answered" },
        };
      }),
  },
  {
    id: "web.ticket_replay",
    group: "web",
    attempt: "use the ticket of a login again, guess one, put it into the address",
    must: "401; a ticket is good once",
    layer: "server: one-time tickets, kept as hashes",
    run: (lab) =>
      withStudio(lab, async (studio) => {
        const ticket = await studio.issueTicket();
        const first = await exchange(studio, json, ticket);
        const again = await exchange(studio, json, ticket);
        const guessed = await exchange(
          studio,
          json,
          ticket.replace(/.$/, (last) => (last === "A" ? "B" : "A")),
        );
        const fresh = await studio.issueTicket();
        const inPath = await send(studio, {
          path: `/auth/exchange?ticket=${fresh}`,
          method: "POST",
          headers: json,
          body: "{}",
        });
        return {
          stopped: again.status === 401 && guessed.status === 401 && inPath.status === 400,
          observed: `again ${again.status}, guessed ${guessed.status}, in the address ${inPath.status}`,
          control: { worked: first.status === 204, observed: "the first use logs in" },
        };
      }),
  },
  {
    id: "web.guess",
    group: "web",
    attempt: "tell apart what is used, unknown, malformed and somebody else's, of tickets and of logins",
    must: "one answer for all",
    layer: "server: secrets are compared as hashes, errors are the same",
    run: (lab) =>
      withStudio(lab, async (studio) => {
        const ticket = await studio.issueTicket();
        const first = await exchange(studio, json, ticket);
        const guesses = [ticket, "A".repeat(ticket.length), ticket.slice(1), "x", `${ticket}A`];
        const answers: string[] = [];
        for (const guess of guesses) {
          const { status, body } = await exchange(studio, json, guess);
          answers.push(`${status} ${errorCode(body)}`);
        }
        const cookie = first.cookie.split(";")[0] ?? "";
        const logins = [undefined, cookie.slice(0, -1), `${cookie}x`, cookie.replace(/.$/, "~")];
        for (const login of logins) {
          const client = connectWithCookie(studio.url, login ?? "none=1");
          answers.push(await connectionOutcome(client.get("organization", ["local"]).connect().ready));
          await client.dispose();
        }
        const different = [...new Set(answers)];
        return {
          stopped: different.length === 2 && different[1] === "unauthorized",
          observed: different.join(", "),
          control: { worked: first.status === 204, observed: "the right one logs in" },
        };
      }),
  },
  {
    id: "web.bind",
    group: "web",
    attempt: "reach a server from the network whose owner named nobody who may",
    must: "it does not start",
    layer: "server: other than the loopback is asked for by name, and with a token",
    run: async (lab) => {
      const home = lab.directory("bind");
      const start = (host: string) =>
        createSandboxServer({ home, listen: { host, port: 0 }, unsafeNoToken: true }).then(
          async (server) => {
            await server.close();
            return "started";
          },
          (error: unknown) => (isHoldfastError(error) ? error.code : "failed"),
        );
      const answers = [await start("0.0.0.0"), await start("::")];
      const own = await start("127.0.0.1");
      return {
        stopped: answers.every((each) => each === "remote_not_allowed"),
        observed: [...new Set(answers)].join(", "),
        control: { worked: own === "started", observed: "on the loopback it starts" },
      };
    },
  },
  {
    id: "web.csrf",
    group: "web",
    attempt: "a form of another site that posts with the person's cookie; a script that reads the cookie",
    must: "415 or 403; the cookie is HttpOnly and SameSite=Strict",
    layer: "server: JSON only, list of origins, cookie for one site",
    run: (lab) =>
      withStudio(lab, async (studio) => {
        const { status, cookie } = await exchange(studio, json);
        const simple = ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x"];
        const forms = await Promise.all(
          simple.map(async (type) => (await exchange(studio, { "content-type": type })).status),
        );
        const foreign = await exchange(studio, { ...json, origin: "https://evil.example", cookie });
        return {
          stopped:
            forms.every((each) => each === 415) &&
            foreign.status === 403 &&
            /HttpOnly/.test(cookie) &&
            /SameSite=Strict/.test(cookie),
          observed: `forms ${[...new Set(forms)].join(", ")}; with the cookie from another site ${foreign.status}`,
          control: { worked: status === 204, observed: "the page itself logs in" },
        };
      }),
  },
  {
    id: "web.websocket",
    group: "web",
    attempt: "a WebSocket from a page of another site, and one without a login",
    must: "closed with 1008",
    layer: "server: list of origins; every connection is authenticated",
    run: (lab) =>
      withStudio(lab, async (studio) => {
        const cookie = (await exchange(studio, json)).cookie.split(";")[0] ?? "";
        const upgrade = {
          connection: "Upgrade",
          upgrade: "websocket",
          "sec-websocket-version": "13",
          "sec-websocket-key": Buffer.from("0123456789abcdef").toString("base64"),
        };
        const path = "/actors/organization/~local,/connect";
        const origin = { ...upgrade, cookie, origin: "https://evil.example" };
        const foreign = await send(studio, { path, headers: origin });
        const stranger = connectWithCookie(studio.url, "other=cookie");
        const owner = connectWithCookie(studio.url, cookie);
        try {
          const without = await connectionOutcome(stranger.get("organization", ["local"]).connect().ready);
          const own = await connectionOutcome(owner.get("organization", ["local"]).connect().ready);
          return {
            stopped: foreign.body === "gateway.forbidden_origin" && without === "unauthorized",
            observed: `another site: ${foreign.body}; without a login: ${without}`,
            control: { worked: own === "connected", observed: "with the login it connects" },
          };
        } finally {
          await Promise.all([stranger.dispose(), owner.dispose()]);
        }
      }),
  },
];

const errorCode = (body: string) => /"code":"([^"]+)"/.exec(body)?.[1] ?? body;

/** Resolves to "connected" or an error code. */
function connectionOutcome(ready: Promise<unknown>): Promise<string> {
  return ready.then(
    () => "connected",
    (error: unknown) => (isHoldfastError(error) ? error.code : "failed"),
  );
}
