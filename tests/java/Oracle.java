import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.stream.Collectors;
import org.apache.maven.model.Dependency;
import org.apache.maven.model.Model;
import org.apache.maven.repository.internal.ArtifactDescriptorReaderDelegate;
import org.apache.maven.repository.internal.MavenRepositorySystemUtils;
import org.eclipse.aether.AbstractRepositoryListener;
import org.eclipse.aether.DefaultRepositorySystemSession;
import org.eclipse.aether.RepositoryEvent;
import org.eclipse.aether.RepositorySystem;
import org.eclipse.aether.RepositorySystemSession;
import org.eclipse.aether.artifact.Artifact;
import org.eclipse.aether.artifact.ArtifactType;
import org.eclipse.aether.artifact.DefaultArtifact;
import org.eclipse.aether.collection.CollectRequest;
import org.eclipse.aether.graph.DependencyNode;
import org.eclipse.aether.impl.ArtifactResolver;
import org.eclipse.aether.impl.DefaultServiceLocator;
import org.eclipse.aether.impl.MetadataResolver;
import org.eclipse.aether.impl.VersionResolver;
import org.eclipse.aether.metadata.Metadata;
import org.eclipse.aether.repository.LocalRepository;
import org.eclipse.aether.repository.RemoteRepository;
import org.eclipse.aether.repository.RepositoryPolicy;
import org.eclipse.aether.resolution.ArtifactDescriptorRequest;
import org.eclipse.aether.resolution.ArtifactDescriptorResult;
import org.eclipse.aether.resolution.ArtifactRequest;
import org.eclipse.aether.resolution.ArtifactResolutionException;
import org.eclipse.aether.resolution.ArtifactResult;
import org.eclipse.aether.resolution.MetadataRequest;
import org.eclipse.aether.resolution.MetadataResult;
import org.eclipse.aether.resolution.VersionRequest;
import org.eclipse.aether.resolution.VersionResolutionException;
import org.eclipse.aether.transfer.ArtifactNotFoundException;
import org.eclipse.aether.util.graph.visitor.PreorderNodeListGenerator;

/**
 * Answers, with Maven's own libraries, one question a line about the repository in a directory: "mode TAB group:artifact:version"
 * with mode dependency, root, project or model, and "mode@directory" for a directory below. An answer is one line, "kind TAB words TAB problems": kind is ok, or error with
 * its message for words; words are artifacts in Maven's order, or the entries of an effective model; problems are the POMs that
 * Maven went without.
 */
final class Oracle {
    static final RemoteRepository REPOSITORY = new RemoteRepository.Builder("all", "default", "memory:all")
            .setPolicy(new RepositoryPolicy(true, RepositoryPolicy.UPDATE_POLICY_DAILY, RepositoryPolicy.CHECKSUM_POLICY_IGNORE))
            .build();

    static final List<String> PROPERTIES = Arrays.asList(
            "java.version=17.0.15", "java.specification.version=17", "java.home=/java", "os.name=Linux", "os.arch=amd64",
            "os.version=", "user.dir=/project", "user.home=/user", "file.separator=/", "path.separator=:");

    public static void main(String[] args) throws Exception {
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        Files files = new Files();
        DefaultServiceLocator locator = MavenRepositorySystemUtils.newServiceLocator();
        locator.setServices(ArtifactResolver.class, files);
        locator.setServices(MetadataResolver.class, files);
        files.versions = locator.getService(VersionResolver.class);
        RepositorySystem system = locator.getService(RepositorySystem.class);
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String[] parts = line.split("\t");
            String[] mode = parts[0].split("@");
            files.directory = mode.length > 1 ? new File(args[0], mode[1]) : new File(args[0]);
            out.println(new Question(system).answer(mode[0], parts[1]));
        }
        out.flush();
    }

    /** One question, with a session of its own, so that no answer depends on an earlier one. */
    static final class Question extends ArtifactDescriptorReaderDelegate {
        final RepositorySystem system;
        final List<String> problems = new ArrayList<>();
        final DefaultRepositorySystemSession session = MavenRepositorySystemUtils.newSession();
        Model model;

        Question(RepositorySystem system) {
            this.system = system;
            session.setLocalRepositoryManager(system.newLocalRepositoryManager(session, new LocalRepository("/nowhere")));
            // The machine of our own default context; plexus takes the operating system from -D.
            for (String property : PROPERTIES) {
                String[] pair = property.split("=", 2);
                session.setSystemProperty(pair[0], pair[1]);
            }
            session.setConfigProperty(ArtifactDescriptorReaderDelegate.class.getName(), this);
            session.setIgnoreArtifactDescriptorRepositories(true);
            session.setRepositoryListener(new AbstractRepositoryListener() {
                @Override
                public void artifactDescriptorInvalid(RepositoryEvent event) {
                    problems.add("invalid " + event.getArtifact() + " " + event.getException().getMessage());
                }

                @Override
                public void artifactDescriptorMissing(RepositoryEvent event) {
                    problems.add("missing " + event.getArtifact());
                }
            });
        }

        @Override
        public void populateResult(RepositorySystemSession session, ArtifactDescriptorResult result, Model model) {
            super.populateResult(session, result, model);
            this.model = model;
        }

        String answer(String mode, String name) {
            try {
                String words = mode.equals("model") ? model(name) : graph(mode, name);
                return clean("ok") + "\t" + words + "\t" + problems.stream().map(Oracle::clean).collect(Collectors.joining("|"));
            } catch (Exception | StackOverflowError e) {
                return "error\t" + clean(e.getClass().getSimpleName() + ": " + e.getMessage()) + "\t"
                        + problems.stream().map(Oracle::clean).collect(Collectors.joining("|"));
            }
        }

        private ArtifactDescriptorResult describe(Artifact artifact) throws Exception {
            return system.readArtifactDescriptor(
                    session, new ArtifactDescriptorRequest(artifact, Collections.singletonList(REPOSITORY), ""));
        }

        private String graph(String mode, String name) throws Exception {
            String[] parts = name.split(":");
            ArtifactType jar = session.getArtifactTypeRegistry().get("jar");
            Artifact artifact = new DefaultArtifact(parts[0], parts[1], "", "jar", parts[2], jar);
            CollectRequest request = new CollectRequest();
            request.addRepository(REPOSITORY);
            if (mode.equals("dependency")) {
                request.addDependency(new org.eclipse.aether.graph.Dependency(artifact, "compile"));
            } else if (mode.equals("root")) {
                request.setRoot(new org.eclipse.aether.graph.Dependency(artifact, ""));
            } else {
                ArtifactDescriptorResult project = describe(artifact);
                request.setRootArtifact(artifact);
                request.setDependencies(project.getDependencies());
                request.setManagedDependencies(project.getManagedDependencies());
            }
            DependencyNode root = system.collectDependencies(session, request).getRoot();
            PreorderNodeListGenerator list = new PreorderNodeListGenerator();
            root.accept(list);
            return list.getNodes().stream()
                    .filter(node -> node != root)
                    .map(node -> Oracle.show(node))
                    .collect(Collectors.joining(" "));
        }

        private String model(String name) throws Exception {
            String[] parts = name.split(":");
            ArtifactDescriptorResult result = describe(new DefaultArtifact(parts[0], parts[1], "", "jar", parts[2]));
            if (model == null) {
                return "none";
            }
            List<String> words = new ArrayList<>();
            model.getDependencies().forEach(dependency -> words.add("d " + show(dependency)));
            if (model.getDependencyManagement() != null) {
                model.getDependencyManagement().getDependencies().forEach(dependency -> words.add("m " + show(dependency)));
            }
            return words.stream().map(Oracle::clean).collect(Collectors.joining("|"));
        }
    }

    static String show(DependencyNode node) {
        Artifact a = node.getArtifact();
        String classifier = a.getClassifier().isEmpty() ? "" : ":" + a.getClassifier();
        return a.getGroupId() + ":" + a.getArtifactId() + ":" + a.getExtension() + classifier + ":" + a.getVersion() + ":"
                + node.getDependency().getScope() + (node.getDependency().isOptional() ? ":optional" : "");
    }

    static String show(Dependency d) {
        String exclusions = d.getExclusions().stream()
                .map(e -> e.getGroupId() + ":" + e.getArtifactId())
                .collect(Collectors.joining(","));
        return Arrays.asList(d.getGroupId(), d.getArtifactId(), d.getVersion(), d.getType(), d.getClassifier(), d.getScope(),
                        d.getOptional(), d.getSystemPath(), exclusions)
                .stream().map(String::valueOf).collect(Collectors.joining(";"));
    }

    static String clean(String text) {
        return text.replaceAll("[\t\r\n|]+", " ");
    }

    /** The directory, in place of Maven's own downloading and local repository. */
    static final class Files implements ArtifactResolver, MetadataResolver {
        File directory;
        VersionResolver versions;

        @Override
        public ArtifactResult resolveArtifact(RepositorySystemSession session, ArtifactRequest request)
                throws ArtifactResolutionException {
            ArtifactResult result = new ArtifactResult(request);
            Artifact artifact = request.getArtifact();
            try {
                VersionRequest asked = new VersionRequest(artifact, request.getRepositories(), "");
                artifact = artifact.setVersion(versions.resolveVersion(session, asked).getVersion());
            } catch (VersionResolutionException e) {
                result.addException(e);
                throw new ArtifactResolutionException(Collections.singletonList(result));
            }
            File file = new File(directory, artifact.getGroupId().replace('.', '/') + "/" + artifact.getArtifactId() + "/"
                    + artifact.getBaseVersion() + "/" + artifact.getArtifactId() + "-" + artifact.getVersion() + "."
                    + artifact.getExtension());
            if (!file.isFile()) {
                result.addException(new ArtifactNotFoundException(artifact, REPOSITORY));
                throw new ArtifactResolutionException(Collections.singletonList(result));
            }
            result.setArtifact(artifact.setFile(file));
            result.setRepository(REPOSITORY);
            return result;
        }

        @Override
        public List<ArtifactResult> resolveArtifacts(
                RepositorySystemSession session, Collection<? extends ArtifactRequest> requests)
                throws ArtifactResolutionException {
            List<ArtifactResult> results = new ArrayList<>();
            for (ArtifactRequest request : requests) {
                results.add(resolveArtifact(session, request));
            }
            return results;
        }

        @Override
        public List<MetadataResult> resolveMetadata(
                RepositorySystemSession session, Collection<? extends MetadataRequest> requests) {
            List<MetadataResult> results = new ArrayList<>();
            for (MetadataRequest request : requests) {
                MetadataResult result = new MetadataResult(request);
                Metadata metadata = request.getMetadata();
                String version = metadata.getVersion().isEmpty() ? "" : "/" + metadata.getVersion();
                File file = new File(directory, metadata.getGroupId().replace('.', '/') + "/" + metadata.getArtifactId()
                        + version + "/" + metadata.getType());
                if (request.getRepository() != null && file.isFile()) {
                    result.setMetadata(metadata.setFile(file));
                }
                results.add(result);
            }
            return results;
        }
    }
}
