// A day link ends at /lab/tree/<notebook>. JupyterLab opens that file only after it has loaded the
// workspace *and saved it again*, and the save waits out a pause of 750 ms in which nothing happens.
// Its command for loading does nothing when it is run a second time, so it is run here, as soon as
// it exists: by the time the address is looked at, the workspace is there, and nothing waits.
//
// The file is written by hand: it needs no module of JupyterLab's, so there is nothing to build. A
// prebuilt extension is a container with `init` and `get` (webpack's module federation).
(() => {
  const COMMAND = "apputils:load-statedb";
  const LAUNCHER = "launcher:create";
  // Milliseconds after which a file that the address names will not open any more.
  const GIVE_UP = 10000;

  // The workspace is now restored before the file is open. JupyterLab takes the main area for empty
  // and fills it with a launcher, which nobody asked for: it is held back until the file is there,
  // or is not going to be.
  const holdLauncher = (app) => {
    const execute = app.commands.execute.bind(app.commands);
    let opening = true;
    app.commands.execute = (id, args) =>
      opening && id === LAUNCHER ? Promise.resolve() : execute(id, args);
    const opened = (_, change) => {
      if (change.newValue) {
        opening = false;
        app.shell.currentChanged.disconnect(opened);
      }
    };
    app.shell.currentChanged.connect(opened);
    setTimeout(() => {
      if (opening) {
        opening = false;
        if (app.shell.isEmpty("main")) {
          execute(LAUNCHER);
        }
      }
    }, GIVE_UP);
  };

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
      if (pathname.includes("/tree/")) {
        holdLauncher(app);
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
