import { request } from "node:http";
import { HoldfastError, isHoldfastError } from "@holdfast/core";
import { type Gate, type ProviderName, providerNames } from "@holdfast/gate";
import { localOrganization } from "../access/organization-ids.ts";
import { commandHint } from "../command-hint.ts";
import type { ConnectionCheck, ConnectionView } from "../contract/administration.ts";

export interface ConnectionsOptions {
  readonly gate: Gate;
  readonly dataDirectory: string;
  readonly now: () => number;
  readonly newId: () => string;
  /** Where the actors are. */
  readonly store: { readonly name: string; readonly ping: () => Promise<void> };
  /** The mail server, if there is one. */
  readonly mail: { readonly name: string; readonly verify: () => Promise<void> } | undefined;
  /** Where people sign in with accounts that they have elsewhere. */
  readonly signIn: () => Promise<readonly CheckedConnection[]>;
  /** Who collects the money, where plans are sold. */
  readonly payments: CheckedConnection | undefined;
}

/** A connection of another room. */
export interface CheckedConnection {
  readonly id: string;
  readonly name: string;
  readonly detail: () => string;
  /** Resolves with what it answers now. */
  readonly check: () => Promise<string>;
}

function viewOf({ id, name, detail }: CheckedConnection, kind: ConnectionView["kind"]): ConnectionView {
  return { id, name, kind, isSetUp: true, detail: detail() };
}

const checkTimeoutMs = 15_000;

/** What the Studio depends on, and whether it works now. */
export class ConnectionChecks {
  readonly #options: ConnectionsOptions;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
  }

  async list(): Promise<readonly ConnectionView[]> {
    const { gate, dataDirectory, store, mail, signIn, payments } = this.#options;
    const { refusal, name } = gate.jails.driver;
    const providers = await gate.vault.status();
    return [
      ...providers.map(
        ({ provider, available, detail }): ConnectionView => ({
          ...{ id: `model/${provider}`, name: provider, kind: "model", isSetUp: available, detail },
          ...(available ? {} : { fix: commandHint(`auth api-key ${provider}`, dataDirectory) }),
        }),
      ),
      {
        ...{ id: "jail", name: "Jails", kind: "jail", isSetUp: refusal === undefined },
        detail: refusal?.message ?? `Agents run in jails of ${name}`,
        ...(refusal === undefined ? {} : { fix: commandHint("doctor", dataDirectory) }),
      },
      { id: "store", name: "Store", kind: "store", isSetUp: true, detail: store.name },
      {
        ...{ id: "mail", name: "Mail", kind: "mail", isSetUp: mail !== undefined },
        detail: mail?.name ?? "No mail server is set up: links to people are printed to the log",
        ...(mail === undefined
          ? { fix: commandHint("start --people --mail smtp://USER@HOST", dataDirectory) }
          : {}),
      },
      ...(await signIn()).map((each) => viewOf(each, "sign-in")),
      ...(payments === undefined ? [] : [viewOf(payments, "payments")]),
    ];
  }

  /** Throws `administration.not_found`. */
  async check(id: string): Promise<ConnectionCheck> {
    const connection = (await this.list()).find((each) => each.id === id);
    if (connection === undefined) {
      const message = "There is no such connection";
      throw new HoldfastError("administration", "not_found", message, { statusCode: 404 });
    }
    const startedAt = this.#options.now();
    const outcome = await this.#try(connection).then(
      (detail) => ({ isWorking: true, detail }),
      (error: unknown) => {
        const known = isHoldfastError(error) ? error : undefined;
        const detail = known?.message ?? (error instanceof Error ? error.message : String(error));
        const { group = "administration", code = "check_failed" } = known ?? {};
        return { isWorking: false, detail, error: { group, code, message: detail } };
      },
    );
    const checkedAt = this.#options.now();
    return { id, ...outcome, checkedAt, durationMs: checkedAt - startedAt };
  }

  async #try({ id, kind, name, fix, isSetUp, detail }: ConnectionView): Promise<string> {
    const { gate, store, mail } = this.#options;
    if (!isSetUp) {
      const next = fix === undefined ? "" : ` Run: ${fix}`;
      throw new HoldfastError("administration", "not_set_up", `${detail}.${next}`, { statusCode: 409 });
    }
    switch (kind) {
      case "model":
        return this.#askModel(id.slice("model/".length));
      case "jail":
        return this.#startJail();
      case "store":
        await store.ping();
        return `${store.name}: answers`;
      case "mail":
        await mail?.verify();
        return `${mail?.name ?? name}: accepts mail`;
      case "sign-in":
        return (await (await this.#options.signIn()).find((each) => each.id === id)?.check()) ?? detail;
      case "payments":
        return (await this.#options.payments?.check()) ?? detail;
    }
    return gate.jails.driver.name;
  }

  /** Lists the models of a provider, on the way that agents take: key, address and rules are those of a task. */
  async #askModel(id: string): Promise<string> {
    const { gate, newId } = this.#options;
    const provider = providerNames.find((each) => each === id);
    if (provider === undefined) throw new Error("unknown provider");
    const upstream = await gate.vault.upstream(provider);
    const egress = await gate.openEgress({
      ...{ jailId: `check-${newId()}`, session: "connection-check", upstreams: [upstream] },
      ...{ organization: localOrganization, user: "owner", taints: false },
    });
    try {
      const { status, body } = await get(egress.socketPath, `/${upstream.name}${modelsPath(provider)}`);
      if (status < 300) return `answers (${status}): the key is accepted`;
      const why =
        status === 401 || status === 403 ? "it does not accept the key" : "it does not list its models";
      throw new HoldfastError(
        "administration",
        "check_failed",
        `${provider} answers ${status}: ${why}. ${gate.redact(body.slice(0, 300))}`.trim(),
        { statusCode: 502 },
      );
    } finally {
      await egress.close();
    }
  }

  async #startJail(): Promise<string> {
    const { gate, newId } = this.#options;
    const jail = await gate.jails.start({
      ...{
        id: `check-${newId()}`,
        command: "/bin/true",
        args: [],
        cwd: "/",
        env: {},
        mounts: [],
        network: "none",
      },
      limits: { memoryBytes: 64 * 1024 * 1024, pids: 16, tmpBytes: 1024 * 1024 },
    });
    jail.stdout.resume();
    jail.stderr.resume();
    const { reason, code } = await jail.exited;
    if (code === 0) return `a program ran in a jail of ${gate.jails.driver.name}, and ended`;
    throw new HoldfastError(
      "administration",
      "check_failed",
      `A program in a jail ended with ${code ?? reason}`,
    );
  }
}

function modelsPath(provider: ProviderName): string {
  switch (provider) {
    case "anthropic":
      return "/v1/models";
    case "google":
      return "/v1beta/models";
    case "openai":
    case "openrouter":
    case "openai-compatible":
      return "/models";
  }
}

function get(socketPath: string, path: string): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, path, method: "GET", agent: false }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        if (body.length < 10_000) body += chunk;
      });
      response.once("end", () => resolve({ status: response.statusCode ?? 0, body }));
      response.once("error", reject);
    });
    outgoing.setTimeout(checkTimeoutMs, () =>
      outgoing.destroy(new Error(`No answer within ${checkTimeoutMs / 1_000} s`)),
    );
    outgoing.once("error", reject);
    outgoing.end();
  });
}
