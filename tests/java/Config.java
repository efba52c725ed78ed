import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.util.Properties;
import java.util.TreeMap;

/**
 * Reads, with Maven's own command line, the .mvn/maven.config of each directory named on a line, and answers with a line:
 * "error", or "ok", a tab, the properties, a tab, and the values of -P.
 */
final class Config {
    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = System.out;
        System.setOut(System.err); // Maven tells its problems there
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            out.println(answer(line));
        }
        out.flush();
    }

    private static String answer(String directory) throws Exception {
        Class<?> cli = Class.forName("org.apache.maven.cli.MavenCli");
        Class<?> asking = Class.forName("org.apache.maven.cli.CliRequest");
        Constructor<?> constructor = asking.getDeclaredConstructors()[0];
        constructor.setAccessible(true);
        Object request = constructor.newInstance(new String[] {"-B"}, null);
        System.setProperty("maven.multiModuleProjectDirectory", directory);
        field(asking, "workingDirectory").set(request, directory);
        Object maven = cli.getConstructor().newInstance();
        try {
            for (String name : new String[] {"initialize", "cli", "properties"}) {
                Method method = cli.getDeclaredMethod(name, asking);
                method.setAccessible(true);
                method.invoke(maven, request);
            }
        } catch (InvocationTargetException e) {
            return "error";
        }
        Object given = field(asking, "commandLine").get(request);
        String[] profiles = (String[]) given.getClass().getMethod("getOptionValues", char.class).invoke(given, 'P');
        return "ok\t" + new TreeMap<>((Properties) field(asking, "userProperties").get(request)) + "\t"
                + (profiles == null ? "" : String.join(",", profiles));
    }

    private static Field field(Class<?> type, String name) throws Exception {
        Field field = type.getDeclaredField(name);
        field.setAccessible(true);
        return field;
    }
}
