import { visibleText } from "@holdfast/sandbox-react/visible-text";
import { ConfirmButton, ErrorNotice } from "@holdfast/web-parts";
import { useMutation, useQuery } from "@tanstack/react-query";
import { ProviderProblem } from "../shared/browser/provider-problem.tsx";
import { leaveForProvider, providersQuery, type SignInProvider } from "../shared/people.ts";
import { connectedQuery, peopleApi, usePeopleChange } from "./queries.ts";

/** Accounts elsewhere with which the person may sign in. Nothing is shown where there is no such sign-in. */
export function ConnectedAccounts() {
  const providers = useQuery(providersQuery).data ?? [];
  const connected = useQuery(connectedQuery);
  if (providers.length === 0) return null;
  return (
    <section aria-labelledby="connected-heading">
      <h2 id="connected-heading">Connected accounts</h2>
      <p className="muted">Sign in with an account that you have elsewhere.</p>
      <ProviderProblem />
      {connected.isError && <ErrorNotice error={connected.error} onRetry={() => void connected.refetch()} />}
      <ul className="rows" aria-label="Connected accounts">
        {connected.data !== undefined &&
          providers.map((provider) => (
            <ProviderRow
              key={provider.id}
              provider={provider}
              isConnected={connected.data.includes(provider.id)}
            />
          ))}
      </ul>
    </section>
  );
}

function ProviderRow({
  provider,
  isConnected,
}: {
  readonly provider: SignInProvider;
  readonly isConnected: boolean;
}) {
  const { id } = provider;
  const name = visibleText(provider.name);
  const connect = useMutation({ mutationFn: () => leaveForProvider(`/people/providers/${id}/link`, {}) });
  const disconnect = usePeopleChange(() => peopleApi.disconnectAccount(id));
  return (
    <li className="row person-row" data-provider={id}>
      <div className="row-main">
        <p className="row-title">{name}</p>
        <p className="muted">{isConnected ? "Connected: it signs you in" : "Not connected"}</p>
      </div>
      {isConnected ? (
        <ConfirmButton
          className="button button-small button-stop"
          label="Disconnect"
          accessibleLabel={`Disconnect ${name}`}
          title={`Disconnect ${name}?`}
          confirmLabel="Disconnect"
          onConfirm={() => disconnect.mutateAsync(undefined)}
        >
          <p>It signs you in no more. You can connect it again.</p>
        </ConfirmButton>
      ) : (
        <button
          type="button"
          className="button button-small"
          aria-label={`Connect ${name}`}
          disabled={connect.isPending || connect.isSuccess}
          onClick={() => connect.mutate()}
        >
          Connect
        </button>
      )}
      {connect.isError && <ErrorNotice error={connect.error} />}
    </li>
  );
}
