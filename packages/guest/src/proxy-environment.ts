/**
 * Variables that make tools in a jail ask for tunnels (CONNECT) where the forwarder listens, at `origin`, for
 * every address of HTTPS but those of the jail itself. Plain HTTP is not asked for there: the proxy is asked
 * by its own paths.
 */
export function proxyEnvironment(origin: string): Readonly<Record<string, string>> {
  const own = "localhost,127.0.0.1,::1";
  return {
    // Tools differ in which of the two they read.
    HTTPS_PROXY: origin,
    https_proxy: origin,
    NO_PROXY: own,
    no_proxy: own,
    // Node reads the others only where it is told to.
    NODE_USE_ENV_PROXY: "1",
  };
}
