import type { ActorStore } from "@holdfast/actors";
import { HoldfastError, type Ports, uuidv4 } from "@holdfast/core";
import type { Gate } from "@holdfast/gate";
import { serverKind } from "@holdfast/server";
import type {
  AdministrationActions,
  AuditCheck,
  AuditPage,
  PolicyAnswer,
  PolicyQuestionInput,
} from "../contract/administration.ts";
import type { Mailer } from "../people/mail/mailer.ts";
import type { SignInAdministration } from "../people/providers/sign-in-settings.ts";
import type { StudioOptions } from "../studio.ts";
import { type AuditFilter, AuditPages } from "./audit-pages.ts";
import { type CheckedConnection, ConnectionChecks } from "./connections.ts";
import { NodeAudit } from "./node-audit.ts";
import { Policies } from "./policies.ts";
import { type ConnectedName, Secrets } from "./secrets.ts";

/** What the actor `administration` asks of its process. `by` is the person who changes something. */
export interface Administration
  extends Pick<
    AdministrationActions,
    "policy" | "tryPolicy" | "acceptedRules" | "connections" | "checkConnection"
  > {
  audit(filter: AuditFilter): Promise<AuditPage>;
  verifyAudit(): Promise<AuditCheck>;
  secrets(repositories: readonly ConnectedName[]): ReturnType<Secrets["list"]>;
  setSecret(name: string, value: string, by: string): Promise<void>;
  deleteSecret(name: string, by: string, repositories: readonly ConnectedName[]): Promise<void>;
  explainPolicy(question: PolicyQuestionInput): PolicyAnswer;
  savePolicy(text: string, before: string, by: string): Promise<void>;
  removeAcceptedRule(id: string, by: string): Promise<void>;
  /** Throws `administration.no_accounts`. */
  signIn(): Pick<SignInAdministration, "view" | "save" | "remove" | "saveDomains">;
}

interface SignInParts {
  readonly connections: () => Promise<readonly CheckedConnection[]>;
  readonly settings: SignInAdministration;
}

export interface AdministrationParts {
  readonly gate: Gate;
  readonly dataDirectory: string;
  readonly ports: Ports;
  readonly options: Pick<StudioOptions, "store" | "mail">;
  readonly store: Pick<ActorStore, "count">;
  readonly mailer: Mailer | undefined;
  /** Undefined where people have no accounts. */
  readonly signIn: SignInParts | undefined;
  readonly payments: CheckedConnection | undefined;
}

export function createAdministration(parts: AdministrationParts): Administration {
  const { gate, dataDirectory, ports, options, store, mailer, signIn, payments } = parts;
  const now = () => ports.clock.now();
  const pages = gate.nodes === undefined ? new AuditPages(dataDirectory) : new NodeAudit(gate.nodes);
  const secrets = new Secrets(gate);
  const policies = new Policies(gate, dataDirectory);
  const connections = new ConnectionChecks({
    ...{ gate, dataDirectory, now, newId: () => uuidv4(ports.random) },
    store: {
      name: storeName(options),
      ping: async () => void (await store.count({ name: "organization" })),
    },
    mail: mailOf(options, mailer),
    ...{ signIn: signIn?.connections ?? (async () => []), payments },
  });
  return {
    audit: (filter) => pages.page(filter),
    verifyAudit: () => pages.verify(now),
    secrets: (repositories) => secrets.list(repositories),
    setSecret: (name, value, by) => secrets.set(name, value, by),
    deleteSecret: (name, by, repositories) => secrets.delete(name, by, repositories),
    policy: () => policies.view(),
    explainPolicy: (question) => policies.explain(question),
    tryPolicy: (text) => policies.dryRun(text),
    savePolicy: (text, before, by) => policies.save(text, before, by),
    acceptedRules: () => policies.accepted(),
    removeAcceptedRule: (id, by) => policies.removeAccepted(id, by),
    signIn() {
      if (signIn !== undefined) return signIn.settings;
      const message = "People have no accounts here. Start the server with --people.";
      throw new HoldfastError("administration", "no_accounts", message, { statusCode: 409 });
    },
    connections: () => connections.list(),
    checkConnection: (id) => connections.check(id),
  };
}

/** Without its address, which may have a password. */
function storeName({ store }: Pick<StudioOptions, "store">): string {
  if (store === undefined) return "SQLite in the data directory";
  return typeof store === "string" ? serverKind(store) : "A store of the program";
}

function mailOf({ mail }: Pick<StudioOptions, "mail">, mailer: Mailer | undefined) {
  if (mail === undefined || mailer === undefined) return undefined;
  return { name: `SMTP at ${new URL(mail.url).host}`, verify: () => mailer.verify() };
}
