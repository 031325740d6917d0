// A day link ends at /lab/tree/<notebook>. JupyterLab opens that file only after it has loaded the
// workspace *and saved it again*, and the save waits out a pause of 750 ms in which nothing happens.
// Its command for loading does nothing when it is run a second time, so it is run here, as soon as
// it exists: by the time the address is looked at, the workspace is there, and nothing waits.
//
// The file is written by hand: it needs no module of JupyterLab's, so there is nothing to build. A
// prebuilt extension is a container with `init` and `get` (webpack's module federation).
(() => {
  const COMMAND = "apputils:load-statedb";

  const plugin = {
    id: "cohorthub-start:workspace",
    description: "Loads the workspace early.",
    autoStart: true,
    activate: (app) => {
      const { search, pathname, hash } = window.location;
      const query = new URLSearchParams(search);
      // These two ask for another workspace than the one that is there.
      if (query.has("reset") || query.has("clone")) {
        return;
      }
      const load = () => {
        app.commands.execute(COMMAND, { path: pathname, search, hash }).catch((reason) => {
          console.warn("The workspace was not loaded early:", reason);
        });
      };
      if (app.commands.hasCommand(COMMAND)) {
        load();
        return;
      }
      const added = (_, change) => {
        if (change.id === COMMAND && change.type === "added") {
          app.commands.commandChanged.disconnect(added);
          load();
        }
      };
      app.commands.commandChanged.connect(added);
    },
  };

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB["cohorthub-start"] = {
    init: () => {},
    get: () => Promise.resolve(() => ({ __esModule: true, default: plugin })),
  };
})();
