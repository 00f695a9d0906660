import { Command, Option } from 'commander';
import { loadRegistryServer } from './load-registry-server.ts';

const dataDirOption = (): Option =>
  new Option('--data-dir <folder>', 'where the registry keeps its state')
    .env('INMESH_REGISTRY_DATA_DIR')
    .makeOptionMandatory();

/** `inmesh registry backup --data-dir ./registry backup.json`, while it runs or not. */
export function backupCommand(): Command {
  return new Command('backup')
    .description('Write what a data directory holds into one file. It holds keys: guard it.')
    .argument('<file>', 'where to; mode 0600')
    .addOption(dataDirOption())
    .action(async (file: string, { dataDir }: { readonly dataDir: string }) => {
      const { backupDataDir } = await loadRegistryServer();
      const { files } = await backupDataDir(dataDir, file);
      console.log(`${file}: ${files.join(', ')}`);
    });
}

/** `inmesh registry restore backup.json --data-dir ./registry`, while no registry runs there. */
export function restoreCommand(): Command {
  return new Command('restore')
    .description('Put a backup into a data directory. Not while a registry uses it.')
    .argument('<file>', 'what `inmesh registry backup` wrote')
    .addOption(dataDirOption())
    .option('--replace', 'also when something is there')
    .action(
      async (
        file: string,
        { dataDir, replace = false }: { readonly dataDir: string; readonly replace?: boolean },
      ) => {
        const { restoreDataDir } = await loadRegistryServer();
        const { files, version } = await restoreDataDir(file, dataDir, { replace });
        console.log(`${dataDir}: ${files.join(', ')}, as version ${version} left them`);
      },
    );
}
