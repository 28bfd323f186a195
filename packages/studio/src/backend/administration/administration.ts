/** Running the Studio: audit log, secrets, policy, connections, for the people who may. */
import { actor } from "@holdfast/actors";
import { isErrorCode } from "@holdfast/core";
import { organizationOfKey } from "../../access/organization-ids.ts";
import type {
  AcceptedRuleView,
  AuditCheck,
  AuditPage,
  AuditPageQuery,
  AuditRecordView,
  ConnectionCheck,
  ConnectionView,
  PolicyAnswer,
  PolicyDryRun,
  PolicyQuestionInput,
  PolicyView,
  SecretView,
} from "../../contract/administration.ts";
import type { SignInProviderId, SignInProviderInput, SignInView } from "../../contract/people.ts";
import type { TaskView } from "../../contract.ts";
import type { BackendHost } from "../host.ts";
import { requireOrganization } from "../organizations/existing.ts";
import type { RepositorySummary } from "../repositories/contract.ts";
import { connStateOf, type PersonConnState } from "../tasks/actions.ts";
import { ownPage, ownQuery } from "./audit-reader.ts";
import { readAuditQuery, readProvider, readProviderId, readQuestion, readText } from "./input.ts";

const maxPolicyCharacters = 1_000_000;

/** It keeps nothing of its own: each action asks the process, which has the gate. */
export function createAdministrationActor(host: Pick<BackendHost, "administration" | "personOf">) {
  return actor({
    async createState(c): Promise<{ version: 1 }> {
      await requireOrganization(c);
      return { version: 1 };
    },
    createConnState: async (c): Promise<PersonConnState> => connStateOf(await host.personOf(c.request)),
    options: { name: "Administration", actionTimeout: 180_000 },
    actions: {
      async audit(c, query?: AuditPageQuery): Promise<AuditPage> {
        const { task, ...rest } = readAuditQuery(query);
        const reader = { organization: organizationOfKey(c.key), person: c.conn.state.person };
        const sessions = task === undefined ? {} : { sessions: [task, ...(await sessionsOf(c, task))] };
        const page = await host.administration.audit({ ...ownQuery(reader, rest), ...sessions });
        return withTasks(c, ownPage(reader, page));
      },

      verifyAudit: (c): Promise<AuditCheck> => c.keepAwake(host.administration.verifyAudit()),

      secrets: async (c): Promise<readonly SecretView[]> =>
        host.administration.secrets(await repositoriesOf(c)),

      setSecret: (c, name: string, value: string): Promise<void> =>
        host.administration.setSecret(
          readText(name, "name", 200),
          readText(value, "value", 64 * 1024),
          c.conn.state.person,
        ),

      deleteSecret: async (c, name: string): Promise<void> =>
        host.administration.deleteSecret(
          readText(name, "name", 200),
          c.conn.state.person,
          await repositoriesOf(c),
        ),

      policy: (): Promise<PolicyView> => host.administration.policy(),

      explainPolicy: (_c, question: PolicyQuestionInput): PolicyAnswer =>
        host.administration.explainPolicy(readQuestion(question)),

      tryPolicy: (c, text: string): Promise<PolicyDryRun> =>
        c.keepAwake(host.administration.tryPolicy(readText(text, "text", maxPolicyCharacters))),

      savePolicy: (c, text: string, before: string): Promise<void> =>
        host.administration.savePolicy(
          readText(text, "text", maxPolicyCharacters),
          readText(before, "before", maxPolicyCharacters),
          c.conn.state.person,
        ),

      acceptedRules: (): Promise<readonly AcceptedRuleView[]> => host.administration.acceptedRules(),

      removeAcceptedRule: (c, id: string): Promise<void> =>
        host.administration.removeAcceptedRule(readText(id, "id", 200), c.conn.state.person),

      signIn: async (): Promise<SignInView> => host.administration.signIn().view(),

      saveSignInProvider: async (c, provider: SignInProviderInput): Promise<void> =>
        host.administration.signIn().save(readProvider(provider), c.conn.state.person),

      removeSignInProvider: async (c, id: SignInProviderId): Promise<void> =>
        host.administration.signIn().remove(readProviderId(id), c.conn.state.person),

      saveSignInDomains: async (c, domains: readonly string[]): Promise<void> =>
        host.administration.signIn().saveDomains(domains, c.conn.state.person),

      connections: (): Promise<readonly ConnectionView[]> => host.administration.connections(),

      checkConnection: (c, id: string): Promise<ConnectionCheck> =>
        c.keepAwake(host.administration.checkConnection(readText(id, "id", 200))),

      internal: { erase: (c): void => c.destroy() },
    },
  });
}

interface CallContext {
  readonly key: readonly string[];
  client(): {
    get(
      name: string,
      key: string[],
    ): {
      action<Result>(options: { readonly name: string; readonly args: readonly unknown[] }): Promise<Result>;
    };
  };
}

/** Adds the tasks that records name. */
async function withTasks(c: CallContext, page: AuditPage): Promise<AuditPage> {
  const ids = [...new Set(page.records.flatMap(({ session = [] }) => session))];
  if (ids.length === 0) return page;
  const titles = await c
    .client()
    .get("organization", [organizationOfKey(c.key)])
    .action<Readonly<Record<string, string>>>({ name: "internal.taskTitles", args: [ids] })
    .catch((error: unknown): Readonly<Record<string, string>> => {
      // Nobody has opened the organization yet.
      if (isErrorCode(error, "actor", "not_found")) return {};
      throw error;
    });
  const withTask = (record: AuditRecordView): AuditRecordView => {
    const { session: id } = record;
    const title = id === undefined ? undefined : titles[id];
    return id === undefined || title === undefined ? record : { ...record, task: { id, title } };
  };
  return { ...page, records: page.records.map(withTask) };
}

/** The sessions of a task. A deleted task has none, and its records stay. */
async function sessionsOf(c: CallContext, task: string): Promise<readonly string[]> {
  try {
    const { sessions } = await c.client().get("task", [task]).action<TaskView>({ name: "get", args: [] });
    return sessions.map(({ id }) => id);
  } catch (error) {
    if (isErrorCode(error, "actor", "not_found") || isErrorCode(error, "actor", "invalid_key")) return [];
    throw error;
  }
}

function repositoriesOf(c: CallContext): Promise<readonly RepositorySummary[]> {
  return c
    .client()
    .get("organization", [organizationOfKey(c.key)])
    .action<readonly RepositorySummary[]>({ name: "listRepositories", args: [] });
}
