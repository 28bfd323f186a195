/** Accounts elsewhere with which people sign in: GitHub, and a server that speaks OpenID Connect. */
import { ErrorNotice, Loading } from "@holdfast/web-parts";
import { useQuery } from "@tanstack/react-query";
import { useApi } from "../../shared/context.ts";
import { signInQuery } from "../queries.ts";
import { SettingsPage } from "../settings-page.tsx";
import { Domains } from "./domains.tsx";
import { ProviderSection } from "./provider-section.tsx";

export function SignInScreen() {
  const query = useQuery(signInQuery(useApi()));
  const { data } = query;
  return (
    <SettingsPage title="Sign-in" needs="installation">
      <p className="muted">
        People sign in with a password, a passkey or a link. Here they also sign in with accounts that they
        have elsewhere. Changes are in force at once.
      </p>
      {query.isPending && <Loading label="Loading the ways to sign in" rows={5} />}
      {query.isError && data === undefined && (
        <ErrorNotice error={query.error} onRetry={() => void query.refetch()} />
      )}
      {data?.providers.map((provider) => (
        // What was saved is a new form.
        <ProviderSection key={JSON.stringify(provider)} provider={provider} />
      ))}
      {data !== undefined && <Domains key={data.domains.join()} view={data} />}
    </SettingsPage>
  );
}
