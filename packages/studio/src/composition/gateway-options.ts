import { inspectorDirectory } from "@holdfast/sandbox-ui";
import type { GatewayOptions } from "@holdfast/server";
import { Guard } from "../access/guard.ts";
import type { Identify } from "../access/person.ts";
import type { PersonRecord } from "../access/person-log.ts";
import type { BillingPort } from "../backend/billing/state.ts";
import type { OtherNodes } from "../cluster/other-nodes.ts";
import type { StudioHost } from "../host.ts";
import { createApprovalWebhook } from "../http/approval-webhook.ts";
import { createBillingWebhook } from "../http/billing-webhook.ts";
import { createForgeWebhook } from "../http/forge-webhook.ts";
import type { Logins } from "../http/logins.ts";
import { createNodeRoutes } from "../http/node-routes.ts";
import { createNotificationAnswer } from "../http/notification-answer.ts";
import { createRoutes } from "../http/routes.ts";
import { createSandboxUpgrade } from "../http/sandbox-upgrade.ts";
import { allowedHosts } from "../http/served-hosts.ts";
import { createWebhookRoute } from "../http/webhooks.ts";
import { studioLimits } from "../limits.ts";
import type { PeopleSetup } from "../people/setup.ts";
import { PreviewHosts } from "../previews/preview-hosts.ts";
import { Previews } from "../previews/previews.ts";
import type { StudioParts } from "./parts.ts";

interface ServedParts {
  readonly logins: Logins;
  readonly people: PeopleSetup | undefined;
  readonly billing: BillingPort | undefined;
  /** Folder of the web app. */
  readonly webDirectory: string;
}

/** What the gateway serves besides the actors: routes, sandboxes, previews, webhooks, and requests of other nodes. */
export function gatewayOptions(
  parts: StudioParts & { readonly identify: Identify; readonly ownUrl: () => string },
  host: StudioHost,
  others: OtherNodes,
  { logins, people, billing, webDirectory }: ServedParts,
): GatewayOptions {
  const { options, ports, gate, inbox, approvalHooks } = parts;
  const environment = options.environment ?? process.env;
  const token = environment["HOLDFAST_INSPECTOR_TOKEN"] || undefined;
  const metricsToken = environment["HOLDFAST_METRICS_TOKEN"] || undefined;
  const record = people === undefined ? undefined : (entry: PersonRecord) => gate.audit.note(entry);
  const guard = new Guard(parts.identify, people?.changes, record);
  const sandbox = (taskId: string) => others.sandbox(taskId) ?? host.sandbox(taskId);
  const previewHosts = new PreviewHosts(options.previewOrigin, options.origin);
  const previews = new Previews({ hosts: previewHosts, sandbox, now: () => ports.clock.now() });
  const nodeRoutes = createNodeRoutes({
    sandbox: (taskId) => host.sandbox(taskId),
    sandboxes: host.sandboxes,
    organizationFiles: host.organizationFiles,
    repositories: host.repositories,
    environments: host.environments,
    agents: () => host.listAgents(),
    log: ports.log,
  });
  return {
    nodeFallback: nodeRoutes.request,
    nodeFallbackUpgrade: nodeRoutes.upgrade,
    hosts: [
      ...allowedHosts(options.host ?? "127.0.0.1"),
      ...(options.origin === undefined ? [] : [new URL(options.origin).hostname]),
    ],
    // Loaded by whoever reads the document.
    openApi: async (document) => {
      const [{ loadApiDescription }, { studioOpenApi }] = await Promise.all([
        import("../api/description.ts"),
        import("../api/openapi.ts"),
      ]);
      return studioOpenApi(document, await loadApiDescription());
    },
    access: guard.authorizeAction,
    manage: guard.authorizeManagement,
    inspector: {
      ...(token === undefined ? {} : { token }),
      ...(metricsToken === undefined ? {} : { metricsToken }),
    },
    ...(options.cluster === undefined ? {} : { maxIncomingMessageBytes: studioLimits.maxNodeMessageBytes }),
    otherSite: previews,
    fallbackUpgrade: createSandboxUpgrade({
      ...{ guard, sandbox, log: ports.log },
      failedStep: (environment) => host.environments.failedStep(environment),
    }),
    fallback: createRoutes({
      guard,
      logins,
      ...{ sandbox, previews, frameSource: previewHosts.frameSource },
      openFailedStep: (environment) => host.environments.openTerminal(environment),
      inspectorDirectory: inspectorDirectory(),
      webDirectory,
      forgeWebhook: createForgeWebhook(parts.backends.repositories, gate.vault),
      ...(billing && { billingWebhook: createBillingWebhook(billing, parts.backends.billing.take) }),
      webhook: createWebhookRoute({ inbox, vault: gate.vault, random: ports.random }),
      approvalWebhook: createApprovalWebhook(gate, approvalHooks),
      attachments: host.attachments,
      notificationAnswer: createNotificationAnswer((token, isAllowed) =>
        parts.backends.answerApproval(token, isAllowed),
      ),
      ...(people === undefined ? {} : { people: people.routes, sendsMail: people.sendsMail }),
      ...(options.demoTeam === undefined ? {} : { demoTeam: options.demoTeam }),
      // The SDK takes memory that most servers do not need.
      mcp: async (call) => (await import("../mcp/http.ts")).answerMcp(call, parts.ownUrl),
      recordSignIn: (record) => gate.audit.note(record),
      log: ports.log,
    }),
  };
}
