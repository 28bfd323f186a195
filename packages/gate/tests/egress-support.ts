import { request as httpRequest, type IncomingMessage } from "node:http";
import { createConnection } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { TestContext } from "node:test";
import { systemClock } from "@holdfast/core";
import type { EgressDecision, EgressOptions, EgressUpstream, EgressUsage } from "@holdfast/gate";
import { AuditLog } from "../src/audit/audit-log.ts";
import { PublicResolver } from "../src/egress/decisions/public-address.ts";
import type { EgressLimits } from "../src/egress/egress-limits.ts";
import { BudgetLedger } from "../src/egress/metering/budget-ledger.ts";
import { Prices } from "../src/egress/metering/prices.ts";
import { EgressProxy } from "../src/egress/proxy/egress-proxy.ts";
import { CredentialVault, vaultFiles } from "../src/vault/credential-vault.ts";
import { type Answer, temporaryDirectory } from "./support.ts";

export const key = "sk-ant-canary-0123456789abcdef";

export interface Setup {
  readonly proxy: EgressProxy;
  readonly audit: AuditLog;
  readonly decisions: EgressDecision[];
  readonly usage: EgressUsage[];
}

export async function openProxy(
  t: TestContext,
  upstream: Partial<EgressUpstream> & { readonly baseUrl: string },
  limits: Partial<EgressLimits> = {},
  onOutside: (reason: string) => Promise<void> = async () => {},
  more: Pick<Partial<EgressOptions>, "intercept"> = {},
): Promise<Setup> {
  const directory = temporaryDirectory(t);
  const audit = await AuditLog.open(join(directory, "audit.log"), systemClock);
  t.after(() => audit.close().catch(() => {}));
  const [decisions, usage]: [EgressDecision[], EgressUsage[]] = [[], []];
  const ledger = BudgetLedger.open(join(directory, "usage.db"), systemClock);
  t.after(() => ledger.close());
  const proxy = await EgressProxy.open({
    jailId: "jail",
    session: "session",
    upstreams: [
      {
        name: "model",
        provider: "anthropic",
        allow: [
          { methods: ["POST"], pathPrefix: "/v1/messages" },
          { methods: ["GET"], pathPrefix: "/v1/models" },
        ],
        credential: { kind: "x-api-key", value: key },
        ...upstream,
      },
    ],
    directory,
    vault: new CredentialVault(
      vaultFiles(join(directory, "vault"), systemClock),
      { env: {}, logins: false },
      systemClock,
    ),
    audit,
    clock: systemClock,
    ledger,
    spending: { spent: () => undefined, spend: () => {} },
    prices: new Prices(),
    names: new PublicResolver(),
    onOutside,
    limits,
    onDecision: (decision) => decisions.push(decision),
    onUsage: (each) => usage.push(each),
    ...more,
  });
  t.after(() => proxy.close());
  return { proxy, audit, decisions, usage };
}

export interface Reply {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

export function ask(
  proxy: EgressProxy,
  method: string,
  path: string,
  { headers = {}, body = "" }: { headers?: Record<string, string>; body?: string | Buffer } = {},
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { socketPath: proxy.socketPath, method, path, headers, agent: false },
      (response) => {
        text(response).then(
          (answer) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: answer }),
          reject,
        );
      },
    );
    request.on("error", reject);
    request.end(body);
  });
}

/** Sends bytes as they are, and gives all that comes back until the proxy closes. */
export function raw(proxy: EgressProxy, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = createConnection(proxy.socketPath);
    let answer = "";
    socket.on("data", (chunk) => {
      answer += chunk.toString("latin1");
    });
    socket.on("error", () => {});
    socket.once("close", () => resolve(answer));
    socket.end(Buffer.from(bytes, "latin1"));
  });
}

export const ok = (): Answer => ({ headers: { "content-type": "application/json" }, chunks: ["{}"] });
export const codeOf = (reply: Reply) => (JSON.parse(reply.body) as { code: string }).code;
