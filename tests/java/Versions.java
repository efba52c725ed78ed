import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.eclipse.aether.util.version.GenericVersionScheme;
import org.eclipse.aether.version.InvalidVersionSpecificationException;
import org.eclipse.aether.version.Version;
import org.eclipse.aether.version.VersionConstraint;
import org.eclipse.aether.version.VersionRange;

/**
 * Answers, with Maven's own classes, one question a line: "compare TAB a TAB b" with -1, 0 or 1,
 * "contains TAB range TAB version" with true, false or invalid.
 */
final class Versions {
    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        GenericVersionScheme scheme = new GenericVersionScheme();
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] parts = line.split("\t", -1);
            Version version = scheme.parseVersion(parts[2]);
            if (parts[0].equals("compare")) {
                Version other = scheme.parseVersion(parts[1]);
                out.println(Integer.signum(other.compareTo(version)));
            } else {
                out.println(contains(scheme, parts[1], version));
            }
        }
        out.flush();
    }

    private static String contains(GenericVersionScheme scheme, String text, Version version) {
        try {
            VersionConstraint constraint = scheme.parseVersionConstraint(text);
            VersionRange range = constraint.getRange();
            return range == null ? "invalid" : String.valueOf(range.containsVersion(version));
        } catch (InvalidVersionSpecificationException e) {
            return "invalid";
        }
    }
}
