/**
 * Environment variables that make tools in a jail send HTTPS through the forwarder at `origin` (CONNECT), except to
 * the jail itself. Plain HTTP is not proxied this way: the proxy has its own paths for it.
 */
export function proxyEnvironment(origin: string): Readonly<Record<string, string>> {
  const own = "localhost,127.0.0.1,::1";
  return {
    // Tools differ in which spelling they read.
    HTTPS_PROXY: origin,
    https_proxy: origin,
    NO_PROXY: own,
    no_proxy: own,
    // Node reads the other variables only with this one.
    NODE_USE_ENV_PROXY: "1",
  };
}
