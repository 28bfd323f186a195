import type { StudioOptions } from "@holdfast/studio";

/** Sign-in with accounts elsewhere, from the environment: its secrets, which others see in arguments, may be there too. */
export function signInOptions(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Pick<StudioOptions, "signIn"> {
  const value = (name: string) => environment[name] || undefined;
  const githubId = value("HOLDFAST_GITHUB_CLIENT_ID");
  const oidcId = value("HOLDFAST_OIDC_CLIENT_ID");
  const issuer = value("HOLDFAST_OIDC_ISSUER");
  const domains = (value("HOLDFAST_SIGN_IN_DOMAINS") ?? "")
    .split(",")
    .map((each) => each.trim().toLowerCase())
    .filter((each) => each !== "");
  if (githubId === undefined && (oidcId === undefined || issuer === undefined)) return {};
  const githubSecret = value("HOLDFAST_GITHUB_CLIENT_SECRET");
  const githubUrl = value("HOLDFAST_GITHUB_URL")?.replace(/\/$/, "");
  const oidcSecret = value("HOLDFAST_OIDC_CLIENT_SECRET");
  const name = value("HOLDFAST_OIDC_NAME");
  return {
    signIn: {
      domains,
      ...(githubId === undefined
        ? {}
        : {
            github: {
              clientId: githubId,
              ...(githubSecret === undefined ? {} : { clientSecret: githubSecret }),
              ...(githubUrl === undefined ? {} : { url: githubUrl }),
            },
          }),
      ...(oidcId === undefined || issuer === undefined
        ? {}
        : {
            oidc: {
              ...{ clientId: oidcId, issuer },
              ...(oidcSecret === undefined ? {} : { clientSecret: oidcSecret }),
              ...(name === undefined ? {} : { name }),
            },
          }),
    },
  };
}
